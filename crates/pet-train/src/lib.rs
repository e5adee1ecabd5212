//! Train a MobileNetV2 image classifier with candle on a plain CPU.
