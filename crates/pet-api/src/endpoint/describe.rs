//! How the types of a handler's arguments and result describe its endpoint.

use actix_web::web::{Data, Json, Path};
use actix_web::{CustomizeResponder, Either, HttpRequest, HttpResponse};
use schemars::JsonSchema;

use crate::endpoint::operation::Operation;
use crate::error::JsonError;

/// A type that handlers take or return, which describes a part of the endpoint.
pub(crate) trait Describe {
    /// Adds parameters, a body, a response or errors.
    fn describe(operation: &mut Operation);
}

/// Implements [`Describe`] for types that describe nothing.
macro_rules! describe_nothing {
    ($($kind:ty),*) => { $(
        impl Describe for $kind {
            fn describe(_: &mut Operation) {}
        }
    )* };
}

// The content types of a plain response are set where its handler is registered.
describe_nothing!(HttpRequest, HttpResponse);

impl<T: ?Sized> Describe for Data<T> {
    fn describe(_: &mut Operation) {}
}

impl<T: JsonSchema> Describe for Path<T> {
    fn describe(operation: &mut Operation) {
        operation.add_parameters::<T>("path");
    }
}

impl<T: JsonSchema> Describe for Json<T> {
    fn describe(operation: &mut Operation) {
        operation.add_json_response::<T>();
    }
}

impl<T: Describe> Describe for CustomizeResponder<T> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
    }
}

impl<T: Describe, U: Describe> Describe for Either<T, U> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
        U::describe(operation);
    }
}

impl<T: Describe, E: JsonError> Describe for Result<T, E> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
        operation.set_error_body::<E::Body>();
    }
}

/// Implements [`Describe`] for a handler's arguments.
macro_rules! describe_arguments {
    ($($name:ident)*) => {
        impl<$($name: Describe),*> Describe for ($($name,)*) {
            #[allow(unused_variables)] // A handler without arguments.
            fn describe(operation: &mut Operation) {
                $($name::describe(operation);)*
            }
        }
    };
}

describe_arguments!();
describe_arguments!(A);
describe_arguments!(A B);
describe_arguments!(A B C);
describe_arguments!(A B C D);
describe_arguments!(A B C D E);
