// The report at the end of a replay, as text and as a record.

const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] ?? 0;

/** @param {number[]} latencies ms */
export function latencyRow(latencies) {
  const sorted = Float64Array.from(latencies).sort();
  return Object.fromEntries([50, 90, 99].map((p) => [`p${p}`, Number(percentile(sorted, p).toFixed(1))]));
}

/** Cases, accepted and refused, each refusal with step and rule. */
export function tally() {
  const refusals = new Map();
  return {
    cases: 0,
    accepted: 0,
    decisions: 0,
    add(outcome, label = '') {
      this.cases += 1;
      this.decisions += outcome.decisions;
      if (outcome.accepted) this.accepted += 1;
      else {
        const key = `${label}${outcome.step} | ${outcome.rule}`;
        refusals.set(key, (refusals.get(key) ?? 0) + 1);
      }
    },
    get refusals() {
      return [...refusals].sort((a, b) => b[1] - a[1]);
    },
  };
}

export function share(part, whole) {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`;
}

export function print(record) {
  const number = (value) => value.toLocaleString('en-US');
  const lines = [
    '',
    `Recorded cases   ${number(record.recorded.cases)}, accepted ${number(record.recorded.accepted)} (${share(record.recorded.accepted, record.recorded.cases)})`,
    ...record.recorded.refusals.map(([key, count]) => `  refused ${String(count).padStart(5)}  ${key}`),
  ];
  if (record.mutants) {
    const { cases, accepted, refusals, unchanged, same } = record.mutants;
    lines.push(
      `Mutated cases    ${number(cases)}, refused ${number(cases - accepted)} (${share(cases - accepted, cases)}); ${number(unchanged)} offered nothing to mutate, ${number(same)} became another recorded case`,
      ...byRule(refusals).map(([rule, count]) => `  refused ${String(count).padStart(5)}  ${rule}`),
    );
  }
  lines.push(
    `Decisions        ${number(record.decisions)} in ${record.seconds.toFixed(1)} s = ${number(Math.round(record.decisions / record.seconds))}/s, ${record.concurrency} cases at a time`,
    `Latency          p50 ${record.latency.p50} ms, p90 ${record.latency.p90} ms, p99 ${record.latency.p99} ms`,
    `Audit log        ${number(record.audit.found)} of ${number(record.audit.expected)} expected events found, ${number(record.audit.missing.length)} missing, ${number(record.audit.surplus.length)} surplus`,
  );
  process.stdout.write(`${lines.join('\n')}\n`);
}

function byRule(refusals) {
  const rules = new Map();
  for (const [key, count] of refusals) {
    const rule = key.split(' | ')[1].split(':')[0];
    rules.set(rule, (rules.get(rule) ?? 0) + count);
  }
  return [...rules].sort((a, b) => b[1] - a[1]);
}

/** A bar on a terminal, a line every tenth elsewhere; `total` may be unknown until the log was read once. */
export function progress(label, total) {
  let last = -1;
  return (done) => {
    const tenth = Math.floor((10 * done) / total);
    if (process.stderr.isTTY) {
      const filled = Math.round((30 * done) / total);
      process.stderr.write(`\r${label} ${'█'.repeat(filled)}${'░'.repeat(30 - filled)} ${done}/${total}${done === total ? '\n' : ''}`);
    } else if (tenth !== last) {
      last = tenth;
      process.stderr.write(`${label} ${done}/${total}\n`);
    }
  };
}
