//! Test source: a readable picture and a beep in step.
