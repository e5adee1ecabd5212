use candle_core::{Device, Tensor, Var};
use candle_nn::{AdamW as CandleAdamW, Optimizer, ParamsAdamW};

use super::support::CLASSES;
use crate::Weights;
use crate::architecture::FEATURES;
use crate::training::layout::Layout;
use crate::training::optimizer::{AdamW, Rates};

/// A head alone, whose loss is Σ (x − target)² / 2 with the gradient x − target.
#[test]
fn it_steps_as_candles() {
    let layout = Layout::new(&Weights::random(1).unwrap(), 19, CLASSES).unwrap();
    let count = FEATURES * CLASSES;
    let target: Vec<f32> = (0..layout.len()).map(|at| (at as f32).sin()).collect();
    let mut values = vec![0.5; layout.len()];
    let variable = Var::from_tensor(&Tensor::full(0.5f32, count, &Device::Cpu).unwrap()).unwrap();
    let parameters = ParamsAdamW { lr: 0.01, weight_decay: 0.1, ..ParamsAdamW::default() };
    let mut candle = CandleAdamW::new(vec![variable.clone()], parameters).unwrap();
    let mut optimizer = AdamW::new(&layout, 0.1);
    let rates = Rates { body: 0.0, head: 0.01 };
    for _ in 0..20 {
        let gradient: Vec<f32> =
            values.iter().zip(&target).map(|(value, target)| value - target).collect();
        optimizer.step(&mut values, &gradient, rates);
        let wanted = Tensor::from_slice(&target[..count], count, &Device::Cpu).unwrap();
        let distance = (variable.as_tensor() - wanted).unwrap();
        let loss = (distance.sqr().unwrap().sum_all().unwrap() / 2.0).unwrap();
        candle.backward_step(&loss).unwrap();
    }
    let expected: Vec<f32> = variable.to_vec1().unwrap();
    for (expected, got) in expected.iter().zip(&values[layout.head_weight.clone()]) {
        assert!((expected - got).abs() < 1e-5, "{expected} {got}");
    }
    assert!(values[layout.head_bias.clone()].iter().all(|value| (value - 0.5).abs() > 0.01));
}
