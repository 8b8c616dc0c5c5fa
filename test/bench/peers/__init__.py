"""Peer implementations of an MoE block, timed in the protocol of `moec bench`: see README.md."""
