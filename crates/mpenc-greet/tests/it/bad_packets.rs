//! bad_packets
