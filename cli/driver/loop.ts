/**
 * The driver's loop.
 *
 * @spec 11-driver §1
 * Owns: one answer a line, in order. Must not know: processes; where lines come from and answers go.
 */
import { answerLine, type Fault, refusalLine } from './answer.ts';
import type { Driver } from './driver.ts';
import { type Line, LineSplitter } from './lines.ts';

/** Takes one answer with its line feed; resolves once the next may follow. */
export type Write = (line: string) => Promise<void>;

function answer(driver: Driver, line: Line, fault: Fault): string {
  return line === 'too-long'
    ? refusalLine(null, 'InvalidArgument', 'line-too-long', 'line')
    : answerLine(driver, line, fault);
}

/** Answers line by line until the input ends. @throws whatever the input or `write` throws. */
export async function runDriver(
  driver: Driver,
  input: AsyncIterable<Uint8Array>,
  write: Write,
  fault: Fault,
): Promise<void> {
  const splitter = new LineSplitter();
  // @req DRV-01
  for await (const chunk of input) {
    for (const line of splitter.push(chunk)) await write(`${answer(driver, line, fault)}\n`);
  }
  for (const line of splitter.end()) await write(`${answer(driver, line, fault)}\n`);
}
