//! What a trained classifier says of itself, and the files it is kept in.
