//! The REST routes, a file for each topic.

mod batch;
mod explain;
mod health;
mod image;
mod missing;
mod model;
mod model_files;
mod parameters;
mod predict;
mod reload;

use actix_web::dev::Handler;
use actix_web::web::ServiceConfig;
use actix_web::{FromRequest, Resource, Responder, web};

pub(crate) use parameters::Parameters;

use crate::{metrics, open_inference, openapi, page};

/// Registers every route.
pub(crate) fn configure(services: &mut ServiceConfig) {
    for topic in [
        health::configure,
        predict::configure,
        batch::configure,
        explain::configure,
        image::configure,
        model::configure,
        model_files::configure,
        reload::configure,
        metrics::configure,
        open_inference::configure,
        openapi::configure,
        page::configure,
    ] {
        services.configure(topic);
    }
    services.default_service(web::to(missing::missing));
}

/// A path that takes `GET` and `HEAD`; every other method is refused in JSON.
pub(crate) fn get<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
}

/// A path that takes `POST`; every other method is refused in JSON.
pub(crate) fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path).route(web::post().to(handler))
}
