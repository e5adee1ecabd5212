//! Choose the best registered version and turn it into the files that are served.
