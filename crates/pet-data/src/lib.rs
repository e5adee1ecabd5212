//! Labelled image data sets: Oxford-IIIT Pet, folders of classes, a generated sample, seeded splits.
