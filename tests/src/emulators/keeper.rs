//! Child processes that never outlive the test process, however it ends.
//!
//! The kernel kills them with it (`PR_SET_PDEATHSIG`). That signal follows the *thread* that started
//! the child, and a test's thread ends with its test: so one thread that lives as long as the process
//! starts them all. A small Python program asks for the signal and then becomes the child: doing it
//! between fork and exec from here would need unsafe code.

use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use super::programs;

// The parent is checked after the signal is asked for: it may have died in between. 1 is PR_SET_PDEATHSIG.
const BECOME: &str = "
import ctypes, os, signal, sys
if sys.platform == 'linux':
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit('the test process is gone')
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
os.execv(sys.argv[2], sys.argv[2:])
";

type Order = (Command, Sender<io::Result<Child>>);

/// A command that runs `program`, to be completed with arguments, environment and streams and then
/// given to [`spawn`]. The child has the process id that [`spawn`] returns.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(programs::find("python3"));
    command.args(["-I", "-S", "-c", BECOME]).arg(std::process::id().to_string()).arg(program);
    command
}

/// Starts what [`command`] began.
pub fn spawn(command: Command) -> io::Result<Child> {
    static KEEPER: OnceLock<Sender<Order>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (orders, inbox) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in inbox {
                // The caller may have panicked meanwhile; nothing is owed to it.
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, child) = channel();
    keeper.send((command, answer)).map_err(io::Error::other)?;
    child.recv().map_err(io::Error::other)?
}
