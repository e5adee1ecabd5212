//! What types tell of the endpoints whose handlers take or return them.

use actix_web::web::{Data, Json, Path};
use actix_web::{CustomizeResponder, Either, HttpRequest, HttpResponse};
use schemars::JsonSchema;

use crate::endpoint::operation::Operation;
use crate::error::Refuses;

/// A type that handlers take or return.
pub(crate) trait Described {
    /// Adds what the type means for an endpoint: parameters, a body, an answer, refusals.
    fn describe(operation: &mut Operation);
}

/// What says nothing about an endpoint.
macro_rules! silent {
    ($($kind:ty),*) => { $(
        impl Described for $kind {
            fn describe(_: &mut Operation) {}
        }
    )* };
}

// The media types of a plain response are given where its handler is registered.
silent!(HttpRequest, HttpResponse);

impl<T: ?Sized> Described for Data<T> {
    fn describe(_: &mut Operation) {}
}

impl<T: JsonSchema> Described for Path<T> {
    fn describe(operation: &mut Operation) {
        operation.takes_parameters::<T>("path");
    }
}

impl<T: JsonSchema> Described for Json<T> {
    fn describe(operation: &mut Operation) {
        operation.gives_json::<T>();
    }
}

impl<T: Described> Described for CustomizeResponder<T> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
    }
}

impl<T: Described, U: Described> Described for Either<T, U> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
        U::describe(operation);
    }
}

impl<T: Described, E: Refuses> Described for Result<T, E> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
        operation.refuses_in_form::<E::Body>();
    }
}

/// The arguments of a handler.
macro_rules! arguments {
    ($($name:ident)*) => {
        impl<$($name: Described),*> Described for ($($name,)*) {
            #[allow(unused_variables)] // A handler without arguments.
            fn describe(operation: &mut Operation) {
                $($name::describe(operation);)*
            }
        }
    };
}

arguments!();
arguments!(A);
arguments!(A B);
arguments!(A B C);
arguments!(A B C D);
arguments!(A B C D E);
