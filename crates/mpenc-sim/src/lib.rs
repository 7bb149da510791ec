//! A simulated group channel with virtual time, to test sessions and glue.
