//! The Open Inference Protocol over gRPC.

mod bounds;
mod calls;
mod client;
mod messages;
mod photographs;
mod repository;

use std::net::SocketAddr;

use pet_api::Configuration;

use crate::support::Service;

/// The committed model.
const MODEL: &str = "oxford_pet_classifier";

/// A service for HTTP and gRPC with other settings.
fn start_with(change: impl FnOnce(&mut Configuration)) -> Option<Service> {
    Service::start_with(|settings| {
        settings.grpc_port = Some(0);
        change(settings);
    })
}

fn start() -> Option<Service> {
    start_with(|_| {})
}

/// Where the service listens for gRPC.
fn address(service: &Service) -> SocketAddr {
    service.grpc.unwrap()
}
