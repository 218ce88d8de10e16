//! Servers that keep their sessions on a disk, are killed, and come back.
