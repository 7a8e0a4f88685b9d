// Parses a gigabyte that holds nothing but results with names of their own, the slowest that a stream can be, in a process of
// its own; prints what it took. `./ktap.ts` runs it.
import { limits } from '../../core/limits.ts';
import { parseTap } from '../../tap/parse.ts';

const bytes = 1e9;
/** Bytes that the rate is of: fewer results than are read, as what comes behind these is only passed over. */
const rated = 40e6;

const chunkFrom = (number: number): readonly [string, number] => {
  let text = '';
  let id = number;
  for (; text.length < 65_536; id++) text += `ok ${id} range ${id} is mapped and unmapped again\n`;
  return [text, id];
};

let points = 0;
const reader = parseTap(() => points++);
reader.write('KTAP version 1\n1..900000\n');
let id = 1;
let peakBytes = 0;
let spent = 0;
let done = 0;
let bytesPerSecond = 0;
while (done < bytes) {
  const [text, next] = chunkFrom(id);
  id = next;
  const chunk = Buffer.from(text);
  const before = process.cpuUsage();
  reader.write(chunk);
  const { user, system } = process.cpuUsage(before);
  spent += user + system;
  done += chunk.length;
  if (done < rated) bytesPerSecond = (1e6 * done) / spent;
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
}
const end = reader.end();
if (points !== limits.resultsPerStream) throw new Error(`${points} results: ${end.problems[0]}`);
console.log(JSON.stringify({ bytesPerSecond, peakBytes }));
