/**
 * System-call traces of a process and of every thread and child of it, as strace writes them.
 *
 * Invariants
 * - A call has a start and an end. What is done to a file counts from the end of the call, what a sync covers from its
 *   start, an answer to a client from its start: each time the unfavourable one for a claim of durability.
 * **Source**: strace(1), output of `-f -y -xx`.
 */
import { spawnSync } from 'node:child_process';
import { posix } from 'node:path';

/** One system call. */
export interface TracedCall {
  readonly thread: string;
  readonly name: string;
  /** As strace prints them, strings left out. At the start of a call that was interrupted: those known by then. */
  readonly args: string;
  /** The bytes that a write carries. */
  readonly bytes?: Buffer;
}

/** The start or the end of a call. `failed` is known at its end. */
export interface TracedEvent {
  readonly phase: 'start' | 'end';
  readonly call: TracedCall;
  readonly failed: boolean;
}

const LINE = /^(\d+)\s+(?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((.*))$/s;
const UNFINISHED = ' <unfinished ...>';
const WRITE = /^(p?writev?(64|2)?|sendto|sendmsg)$/;
/** `anon_inode:`, `pipe:` and `/dev/` in hexadecimal: writes there are neither kept nor told. */
const NOWHERE = /^\d+<\\x(61\\x6e\\x6f\\x6e|70\\x69\\x70\\x65\\x3a|2f\\x64\\x65\\x76\\x2f)/;

/** The starts and ends of all calls in the order in which they happened. */
export function* parseTrace(text: string): Generator<TracedEvent> {
  const open = new Map<string, TracedCall>();
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf('\n', from);
    const end = newline === -1 ? text.length : newline;
    const match = LINE.exec(text.slice(from, end));
    from = end + 1;
    if (match === null) continue;
    const [, thread, resumed, tail, name, body] = match;
    let call: TracedCall;
    let rest: string;
    if (resumed === undefined) {
      if (WRITE.test(name!) && NOWHERE.test(body!)) continue;
      const cut = body!.endsWith(UNFINISHED);
      rest = cut ? '' : body!;
      call = callOf(thread!, name!, cut ? body!.slice(0, -UNFINISHED.length) : split(body!).args);
      yield { phase: 'start', call, failed: false };
      if (cut) {
        open.set(thread!, call);
        continue;
      }
    } else {
      const begun = open.get(thread!);
      open.delete(thread!);
      if (begun === undefined) continue;
      rest = tail!;
      call = { ...begun, args: begun.args + split(tail!).args };
    }
    yield { phase: 'end', call, failed: split(rest).result.startsWith('-1') };
  }
}

/** Strings are hexadecimal, so the last parenthesis with a result is the end of the arguments. */
function split(text: string): { readonly args: string; readonly result: string } {
  const at = text.lastIndexOf(') ');
  if (at === -1) return { args: text, result: '' };
  return { args: text.slice(0, at), result: text.slice(at + 1).replace(/^\s*= /, '') };
}

const unhex = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex');

function callOf(thread: string, name: string, args: string): TracedCall {
  if (!WRITE.test(name)) return { thread, name, args };
  // Quotes stand around the bytes and nowhere else.
  const parts = args.split('"');
  const bytes = parts.filter((_, i) => i % 2 === 1).map(unhex);
  return {
    thread,
    name,
    args: parts.filter((_, i) => i % 2 === 0).join('""'),
    bytes: bytes.length === 1 ? bytes[0]! : Buffer.concat(bytes),
  };
}

/** What stands behind the file descriptor that is the first argument: a path, or `socket:[123]`. */
export function descriptorOf(call: TracedCall): string | undefined {
  const match = /^\d+<((?:\\x[0-9a-f]{2})*)>/.exec(call.args);
  return match === null ? undefined : unhex(match[1]!).toString('utf8');
}

/** The paths that the call names, each resolved against the folder it is relative to. */
export function pathsOf(call: TracedCall): string[] {
  return [...call.args.matchAll(/(?:(?:AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>, )?"((?:\\x[0-9a-f]{2})*)"/g)].map(
    ([, folder, path]) =>
      posix.resolve(folder === undefined ? '/' : unhex(folder).toString('utf8'), unhex(path!).toString('utf8')),
  );
}

/** Whether the call sends bytes to a socket: an answer on its way. */
export function isSent(call: TracedCall): boolean {
  return call.bytes !== undefined && (descriptorOf(call)?.startsWith('socket:') ?? false);
}

const TRACED =
  'openat,open,creat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,mkdir,mkdirat,fsync,fdatasync,ftruncate,copy_file_range,sendfile,fallocate,sync_file_range';

/** The command that runs what follows it under a trace into `file`. */
export function traceCommand(file: string): string[] {
  return ['strace', '-f', '-y', '-xx', '-s', '64000000', '--seccomp-bpf', '-o', file, '-e', `trace=${TRACED}`];
}

/** Whether a trace can be taken here: it needs strace, and a kernel and container that let it look. */
export function canTrace(): boolean {
  const command = [...traceCommand('/dev/null'), 'true'];
  return spawnSync(command[0]!, command.slice(1), { stdio: 'ignore' }).status === 0;
}
