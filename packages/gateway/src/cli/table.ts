/** Lines of text with columns under each other, the first line their names. @param left Columns beyond are aligned at their right. */
export function tableText(rows: readonly (readonly string[])[], { left = Number.POSITIVE_INFINITY } = {}): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => (at < left ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
