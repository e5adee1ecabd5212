//! A little drawing kit over `tiny-skia`: colours, shapes and a canvas with places and clips.

mod canvas;
mod colour;
mod shape;

pub(super) use canvas::{Canvas, SIDE};
pub(super) use colour::{Colour, one_of};
pub(super) use shape::{Point, Shape};
