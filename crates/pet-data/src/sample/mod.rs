//! A small generated data set (to come).
