//! Play-by-play events to exact box scores: pure, no input or output
