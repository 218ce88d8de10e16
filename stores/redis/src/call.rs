//! [`Call`]: what is sent to a server in one round trip.

use redis::{Cmd, Pipeline, Value};

use crate::fault::{Broken, Refusal};

/// Commands that travel together.
#[derive(Clone)]
pub(crate) enum Call {
    One(Cmd),
    /// One after the other, with no promise that nobody else comes in between.
    Several(Pipeline),
}

impl From<Cmd> for Call {
    fn from(command: Cmd) -> Self {
        Self::One(command)
    }
}

impl Call {
    pub(crate) fn several(commands: impl IntoIterator<Item = Cmd>) -> Self {
        let mut pipeline = redis::pipe();
        for command in commands {
            pipeline.add_command(command);
        }
        Self::Several(pipeline)
    }

    /// The same call, with leave to work on a slot that is on its way to this server. The leave
    /// is for the next command alone, and has an answer of its own.
    pub(crate) fn asking(self) -> Self {
        let mut pipeline = redis::pipe();
        let mut add = |command: Cmd| {
            pipeline.add_command(redis::cmd("ASKING"));
            pipeline.add_command(command);
        };
        match self {
            Self::One(command) => add(command),
            Self::Several(commands) => commands.cmd_iter().cloned().for_each(add),
        }
        Self::Several(pipeline)
    }

    /// The same call with one more command at the end.
    pub(crate) fn then(self, last: Cmd) -> Self {
        let mut pipeline = match self {
            Self::One(command) => {
                let mut pipeline = redis::pipe();
                pipeline.add_command(command);
                pipeline
            }
            Self::Several(pipeline) => pipeline,
        };
        pipeline.add_command(last);
        Self::Several(pipeline)
    }

    /// Sends the call and waits for the answers; there is one for each command.
    pub(crate) async fn send(
        &self,
        connection: &mut redis::aio::MultiplexedConnection,
    ) -> Result<Vec<Value>, Broken> {
        let answers = match self {
            Self::One(command) => {
                let answer = connection.send_packed_command(command).await;
                answer.map(|answer| vec![answer])
            }
            Self::Several(pipeline) => {
                let answers = connection.send_packed_commands(pipeline, 0, pipeline.len());
                answers.await
            }
        };
        let answers = answers.map_err(Broken::from)?;
        for answer in &answers {
            if let Value::ServerError(error) = answer {
                return Err(Broken::Refused(Refusal::new(error)));
            }
        }
        Ok(answers)
    }
}
