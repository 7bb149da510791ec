//! Which group operation was first: agreement on the order that a server gives, and its check.
