//! Concurrency.

use pet_tests::sample_pictures;

use crate::support::stand_in;

const THREADS: usize = 8;

#[test]
fn threads_get_the_same_predictions() {
    let Some(predictor) = stand_in() else { return };
    let pictures = sample_pictures(4);
    let answer = |picture: &Vec<u8>| predictor.predict(picture).unwrap().probabilities().to_vec();
    let expected: Vec<Vec<f32>> = pictures.iter().map(answer).collect();
    std::thread::scope(|scope| {
        let work = |first: usize| {
            let (pictures, expected, answer) = (&pictures, &expected, &answer);
            move || {
                for at in (0..pictures.len()).map(|at| (first + at) % pictures.len()) {
                    assert_eq!(answer(&pictures[at]), expected[at]);
                }
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|first| scope.spawn(work(first))).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
