//! Unit vectors.
use serde::Deserialize;
#[derive(Deserialize)]
pub(crate) struct JsUnit {}
#[derive(Deserialize)]
pub(crate) struct DocumentUnit {}
