//! Framings and parameter sets of AVC and AAC: Annex B, avcC, ADTS, AudioSpecificConfig.
