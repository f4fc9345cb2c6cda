//! AMF0 values (and AMF3 read inside AMF0): the data encoding of FLV scripts and RTMP commands.
