const WIDTH = 30;
const EVERY_MS = 80;

/** A line that tells how far something is: a bar on a terminal, one line at the end elsewhere. */
export interface Progress {
  at(done: number): void;
  say(text: string): void;
  done(): void;
}

/** `total` 0: a line without a bar. */
export function progressBar(title: string, total: number, out: NodeJS.WriteStream = process.stderr): Progress {
  const started = Date.now();
  let last = 0;
  let text = '';
  const draw = (line: string) => {
    text = line;
    if (!out.isTTY || Date.now() - last < EVERY_MS) return;
    last = Date.now();
    out.write(`\r\x1b[2K${line}`);
  };
  return {
    at(done) {
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const filled = Math.round(share * WIDTH);
      draw(`${title} [${'█'.repeat(filled)}${'·'.repeat(WIDTH - filled)}] ${Math.floor(share * 100)} %`);
    },
    say: (line) => draw(`${title}: ${line}`),
    done() {
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      out.write(`${out.isTTY ? '\r\x1b[2K' : ''}${text || title} (${seconds} s)\n`);
    },
  };
}
