//! Build, check, read and write ONNX models.
