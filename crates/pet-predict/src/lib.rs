//! Predict the class of a photograph with ONNX Runtime.
