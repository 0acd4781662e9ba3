//! `fermyon:spin/redis`: any command, and its reply as Spin gives it: nested arrays flattened into one list, an error as
//! the text of Spin's client library.

use super::instance::Instance;
use super::instance::bindings::fermyon::spin::redis::{Error, Host, HostConnection, RedisParameter, RedisResult};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError, Value};
use wasmtime::component::Resource;

pub struct Connection(MultiplexedConnection);

impl Host for Instance {}

impl HostConnection for Instance {
    async fn open(&mut self, address: String) -> Result<Resource<Connection>, Error> {
        if !self.allowed().allow(&address, "redis") {
            eprintln!("spin host: Redis at this address is not in allowed_outbound_hosts");
            return Err(Error::InvalidAddress);
        }
        let client = redis::Client::open(address).map_err(|_| Error::InvalidAddress)?;
        // Spin sets no limit of time.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&config).await.map_err(|e| other(&e))?;
        self.table_mut().push(Connection(connection)).map_err(|_| Error::TooManyConnections)
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Result<Vec<RedisResult>, Error> {
        let connection = self.table_mut().get_mut(&connection);
        let Ok(Connection(connection)) = connection else {
            return Err(Error::Other("could not find connection for resource".into()));
        };
        let mut cmd = redis::cmd(&command);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(number) => cmd.arg(number),
                RedisParameter::Binary(bytes) => cmd.arg(bytes),
            };
        }
        let value: Value = cmd.query_async(connection).await.map_err(|error| other(&error))?;
        let mut flat = Vec::new();
        flatten(&mut flat, value)?;
        Ok(flat)
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table_mut().delete(connection)?;
        Ok(())
    }
}

fn flatten(flat: &mut Vec<RedisResult>, value: Value) -> Result<(), Error> {
    flat.push(match value {
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(number),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::SimpleString(text) => RedisResult::Status(text),
        Value::Okay => RedisResult::Status("OK".into()),
        Value::Double(number) => RedisResult::Binary(number.to_string().into_bytes()),
        Value::Boolean(truth) => RedisResult::Int64(truth.into()),
        Value::Array(values) | Value::Set(values) => {
            return values.into_iter().try_for_each(|value| flatten(flat, value));
        }
        other => return Err(Error::Other(format!("Could not convert Redis response {other:?}"))),
    });
    Ok(())
}

fn other(error: &RedisError) -> Error {
    Error::Other(words(error))
}

/// An error's text as the client library in Spin 3 words it (redis 0.32): adapters have nothing else to tell errors by,
/// and the server's own code is not in it.
fn words(error: &RedisError) -> String {
    let Some(code) = error.code() else { return error.to_string() };
    let kind = match code {
        "ERR" => "ResponseError",
        "EXECABORT" => "ExecAbortError",
        "LOADING" => "BusyLoadingError",
        "NOSCRIPT" => "NoScriptError",
        "MOVED" => "Moved",
        "ASK" => "Ask",
        "TRYAGAIN" => "TryAgain",
        "CLUSTERDOWN" => "ClusterDown",
        "CROSSSLOT" => "CrossSlot",
        "MASTERDOWN" => "MasterDown",
        "READONLY" => "ReadOnly",
        "NOTBUSY" => "NotBusy",
        extension => {
            return format!("{extension}: {}", error.detail().unwrap_or("Unknown extension error encountered"));
        }
    };
    match error.detail() {
        Some(detail) => format!("An error was signalled by the server - {kind}: {detail}"),
        None => format!("An error was signalled by the server- {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(value: Value) -> String {
        let mut flat = Vec::new();
        flatten(&mut flat, value).unwrap();
        let shown = flat.iter().map(|result| match result {
            RedisResult::Nil => "nil".to_owned(),
            RedisResult::Status(text) => format!("+{text}"),
            RedisResult::Int64(number) => number.to_string(),
            RedisResult::Binary(bytes) => format!("${}", String::from_utf8_lossy(bytes)),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn nesting_is_lost() {
        let bulk = |text: &str| Value::BulkString(text.into());
        let nested =
            Value::Array(vec![bulk("new"), Value::Int(7), Value::Nil, Value::Array(vec![bulk("a"), bulk("b")])]);
        assert_eq!(flat(nested), "$new 7 nil $a $b");
        assert_eq!(flat(Value::Array(vec![bulk("new"), Value::Array(Vec::new())])), "$new");
        assert_eq!(flat(Value::Okay), "+OK");
    }

    #[tokio::test]
    async fn a_missing_script_is_named_as_spin_names_it() {
        let Some(server) = crate::Redis::start().await else { return };
        let mut connection = server.connect().await;
        let mut command = redis::cmd("EVALSHA");
        command.arg("0".repeat(40)).arg(0);
        let error = command.query_async::<Value>(&mut connection).await.unwrap_err();
        let told = words(&error);
        let expected = "An error was signalled by the server - NoScriptError: No matching script.";
        assert!(told.starts_with(expected), "{told}");
    }
}
