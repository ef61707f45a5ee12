//! Declares requests, each once, with its reply.

/// Declares an enum of requests: for each the type of the request and of its reply, for the trait `Ask` that is in
/// scope.
macro_rules! asked {
    ($(#[$about:meta])* $all:ident { $($ask:ident => $reply:ty),* $(,)? }) => {
        $(#[$about])*
        #[serde(rename_all = "snake_case")]
        pub enum $all {
            $(
                #[doc = concat!("See [`", stringify!($ask), "`].")]
                $ask($ask),
            )*
        }

        $(
            impl Ask for $ask {
                type Reply = $reply;
            }

            impl From<$ask> for $all {
                fn from(ask: $ask) -> Self {
                    Self::$ask(ask)
                }
            }
        )*
    };
}

pub(crate) use asked;
