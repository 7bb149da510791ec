//! Drives an mpENC session over any asynchronous group channel.
