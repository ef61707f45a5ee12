//! A macro that declares each request once, together with its reply.

/// Declares an enum of requests. Each entry is the type of a request and that of its reply. Implements the trait `Ask`
/// that is in scope.
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
