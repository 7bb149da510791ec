//! CLIQUES: the group key agreement (design chapter 5.2.1), as arithmetic on lists.
//!
//! Intermediate key i lacks member i's contribution. With n members, x_i all of member i's
//! contributions, and X the product of all:
//!
//! ```text
//!   upflow after m members     X/x_1, …, X/x_m, X      m + 1 keys; the last is the cardinal key
//!   downflow                   X/x_1, …, X/x_n         n keys; everyone applies their own x_i
//!   include, exclude, refresh  the initiator applies a new factor to all entries but its own
//! ```

use alloc::vec::Vec;

use curve25519_dalek::EdwardsPoint;
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::contribution::Contribution;
use super::int_key::{BASE_POINT, IntKey, IntPoint};
use super::keys::GroupKey;
use crate::InternalError;

/// What the first member of an establish sends: the base point, and the base point with our
/// contribution.
pub(crate) fn first_upflow(own: &Contribution) -> Vec<[u8; 32]> {
    [BASE_POINT].into_iter().chain(encode(&[own.apply_to_base()])).collect()
}

/// An upflow step: our contribution in all keys, the old cardinal key unaltered as our own entry,
/// and the new cardinal key at the end.
pub(crate) fn upflow(
    own: &Contribution,
    keys: &[IntPoint],
) -> Result<Vec<[u8; 32]>, InternalError> {
    let (cardinal, _) = keys.split_last().ok_or(InternalError("an upflow without keys"))?;
    let mut next = encode(&own.apply_to_all(keys, IntPoint::point));
    next.insert(keys.len().saturating_sub(1), *cardinal.octets());
    refuse_zero(next)
}

/// The last upflow step, which is the first downflow: as [`upflow`], but the new cardinal key is
/// the group's secret, and stays out of it. Like everyone else we get it from our own entry.
pub(crate) fn downflow(
    own: &Contribution,
    keys: &[IntPoint],
) -> Result<Vec<[u8; 32]>, InternalError> {
    let (cardinal, others) = keys.split_last().ok_or(InternalError("an upflow without keys"))?;
    let mut next = encode(&own.apply_to_all(others, IntPoint::point));
    next.push(*cardinal.octets());
    refuse_zero(next)
}

/// No contribution makes zero of an admitted key (see `Contribution` and `IntKey`).
fn refuse_zero(keys: Vec<[u8; 32]>) -> Result<Vec<[u8; 32]>, InternalError> {
    if keys.contains(&[0; 32]) {
        return Err(InternalError("an intermediate key of zero"));
    }
    Ok(keys)
}

/// Applies a new factor to all keys but our own (GK-06, GK-07, GK-08).
pub(crate) fn renew<'a>(
    factor: &Contribution,
    own: usize,
    keys: impl ExactSizeIterator<Item = &'a IntKey> + Clone,
) -> Result<Vec<[u8; 32]>, InternalError> {
    let others = keys.clone().enumerate().filter(|(at, _)| *at != own).map(|(_, key)| key);
    let mut renewed = encode(&factor.apply_to_all(&points(others)?, |point| point));
    if let Some(key) = keys.clone().nth(own) {
        renewed.insert(own, *key.octets());
    }
    Ok(renewed)
}

/// The cardinal key that an include starts with: our own entry under all our contributions, the
/// new one included. (Without the new one it would be the current group's secret, GK-11.)
pub(crate) fn cardinal(renewed: &Contribution, own: &IntKey) -> Result<[u8; 32], InternalError> {
    Ok(renewed.apply(&point(own)?).to_montgomery().to_bytes())
}

/// The group key: all our contributions applied to the entry that lacks them.
pub(crate) fn group_key(own: &Contribution, key: &IntKey) -> Result<GroupKey, InternalError> {
    let product = Zeroizing::new(own.apply(&point(key)?));
    let secret = Zeroizing::new(product.to_montgomery().to_bytes());
    if bool::from(secret.ct_eq(&[0; 32])) {
        return Err(InternalError("a group secret of zero"));
    }
    derive(&secret)
}

/// HKDF-SHA256 of the cardinal key's u-coordinate (GK-05).
pub(crate) fn derive(secret: &[u8; 32]) -> Result<GroupKey, InternalError> {
    let mut octets = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, secret)
        .expand(b"mpenc group key", &mut *octets)
        .map_err(|_| InternalError("HKDF refused 32 octets"))?;
    Ok(GroupKey::new(*octets))
}

fn points<'a>(
    keys: impl IntoIterator<Item = &'a IntKey>,
) -> Result<Vec<EdwardsPoint>, InternalError> {
    IntKey::points(keys).ok_or(InternalError("an admitted key is not on the curve"))
}

fn point(key: &IntKey) -> Result<EdwardsPoint, InternalError> {
    points([key])?.pop().ok_or(InternalError("a key without its point"))
}

fn encode(points: &[EdwardsPoint]) -> Vec<[u8; 32]> {
    EdwardsPoint::to_montgomery_batch(points).into_iter().map(|point| point.to_bytes()).collect()
}
