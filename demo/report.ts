/** What the demo says while it works: a line that moves on a terminal, plain lines elsewhere. */
export interface Report {
  /** Begins a step. */
  step(title: string): void;
  progress(what: string, done: number, total?: number): void;
  note(text: string): void;
  /** Ends the step with what came of it. */
  done(outcome: string): void;
}

const EVERY_MS = 100;
const WIDTH = 24;

/** Writes to standard error, so that standard output keeps the summary. */
export function openReport(out: NodeJS.WriteStream = process.stderr): Report {
  let started = Date.now();
  let last = 0;
  let title = '';
  const moving = (line: string) => {
    if (!out.isTTY || Date.now() - last < EVERY_MS) return;
    last = Date.now();
    out.write(`\r\x1b[2K  ${line}`);
  };
  return {
    step(text) {
      title = text;
      started = Date.now();
      moving(`${title} ...`);
    },
    progress(what, done, total) {
      if (total === undefined) return moving(`${title}: ${what} ${done.toLocaleString('en-US')}`);
      const filled = Math.round((total === 0 ? 1 : Math.min(1, done / total)) * WIDTH);
      return moving(
        `${title} [${'█'.repeat(filled)}${'·'.repeat(WIDTH - filled)}] ${what} ${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')}`,
      );
    },
    note(text) {
      out.write(`${out.isTTY ? '\r\x1b[2K' : ''}    ${text}\n`);
    },
    done(outcome) {
      const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(6);
      out.write(`${out.isTTY ? '\r\x1b[2K' : ''}  ${title.padEnd(34)}${seconds} s  ${outcome}\n`);
    },
  };
}
