import fc from 'fast-check';
import { compile, ExpressionLimit, LIMITS, satisfiable, type Schema, toJson, type Type, typeOfSchema } from '.';

const RUNS = Math.ceil(2_000 * Number(process.env.PROPERTY_RUNS ?? 1));
const form: Schema = {
  type: 'object',
  properties: {
    amount: { type: 'number' }, days: { type: 'integer' }, kind: { type: 'string', enum: ['sick', 'annual', 'unpaid'] }, urgent: { type: 'boolean' }, day: { type: 'string', format: 'date' }, at: { type: 'string', format: 'date-time' }, note: { type: 'string' },
    'cost center': { type: 'string' }, items: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' }, price: { type: 'number' }, count: { type: 'integer' } } } }, any: {}, tags: { type: 'array', items: { type: 'string' } },
  },
};
const variables = Object.fromEntries(Object.entries(form.properties!).map(([name, each]) => [name, typeOfSchema(each)])) as Record<string, Type>;
const given = { amount: 12.5, days: 3, kind: 'sick', urgent: true, day: '2026-06-12', at: '2026-06-12T08:30:00+07:00', note: 'Bus tickets', 'cost center': 'A-1', items: [{ name: 'ink', price: 0.1, count: 3 }, { name: 'paper', price: 45.5, count: 2 }], any: { x: [1, 'a'] }, tags: ['a', 'b', 'a'] };
const world = { variables: given, now: new Date('2026-06-12T01:30:00Z'), zone: 'Asia/Jakarta' };

function value(source: string, more: Record<string, unknown> = {}): unknown {
  const { expression, faults } = compile(source, variables);
  if (!expression) throw new Error(`${source}: ${faults.map(({ message }) => message).join()}`);
  return toJson(expression.evaluate({ ...world, variables: { ...given, ...more } }));
}

const fault = (source: string) => compile(source, variables).faults.map(({ from, message }) => `${from}: ${message}`)[0];

describe('an expression', () => {
  it.each<[string, unknown]>([
    // Money is decimal.
    ['0.1 + 0.2 = 0.3', true], ['amount * 3', 37.5], ['1 / 3 * 3', 1], ['2 ** 10', 1_024], ['-2 ** 2', 4], ['1 / 0', null], ['10 ** 6144 * 10', null], ['-amount', -12.5], ['5 - 3 - 1', 1], ['2 + 3 * 4', 14], ['(2 + 3) * 4', 20], ['.5 + 1.5e3', 1_500.5],
    ['sum(for i in items return i.price * i.count)', 91.3], ['sum(items.price)', 45.6], ['count(items[price > 1])', 1], ['items[1].name', 'ink'], ['items[-1].name', 'paper'], ['items[5]', null], ['items[0]', null], ['items[name = "ink"].price', [0.1]], ['items[item.price > 1].name', ['paper']],
    ['some i in items satisfies i.price > 40', true], ['every i in items satisfies i.price > 40', false], ['for i in 1..3, j in [10, 20] return i * j', [10, 20, 20, 40, 30, 60]], ['for i in 3..1 return i', [3, 2, 1]], ['every i in [] satisfies i > 1', true],
    // Three values.
    ['urgent and amount > 10', true], ['null and false', false], ['null and true', null], ['null or true', true], ['null or false', null], ['not(null)', null], ['not(urgent)', false], ['amount = null', false], ['null = null', true], ['note != null', true], ['any.y = null', true], ['any > 3', null],
    ['if urgent then "now" else "later"', 'now'], ['if null then 1 else 2', 2], ['kind in ("sick", "annual")', true], ['kind in ["annual"]', false], ['amount in [1..20)', true], ['amount in (12.5..20]', false], ['amount in > 12', true], ['amount between 12.5 and 13', true], ['"a" in tags', true], ['amount in (< 1, > 12)', true],
    // Text.
    ['"a" + "b"', 'ab'], ['string length("héé")', 3], ['substring("foobar", 3)', 'obar'], ['substring("foobar", -2, 1)', 'a'], ['upper case("abc")', 'ABC'], ['contains(note, "Bus")', true], ['substring before("a-b", "-")', 'a'], ['substring after("a-b", "-")', 'b'], ['matches(note, "^B.*s$")', true], ['matches(note, "(")', null],
    ['replace("abc", "b", "x")', 'axc'], ['split("a,b,", ",")', ['a', 'b', '']], ['string join(tags, "-")', 'a-b-a'], ['starts with(cost center, "A")', true], ['string(amount)', '12.5'], ['"\\u0041\\n"', 'A\n'], ['matches("ABC", "b", "i")', true], ['ends with(note, "ets")', true], ['lower case("ÀB")', 'àb'],
    // Numbers.
    ['decimal(2.5, 0)', 2], ['decimal(12.345, 2)', 12.34], ['round half up(2.5, 0)', 3], ['round half down(2.5)', 2], ['round up(1.01, 1)', 1.1], ['round down(-1.19, 1)', -1.1], ['floor(-1.5)', -2], ['ceiling(1.2)', 2], ['abs(-3)', 3], ['modulo(-12, 5)', 3], ['sqrt(16)', 4], ['odd(3)', true], ['even(3)', false], ['number("12.50")', 12.5], ['number("x")', null], ['round half up(1234, -2)', 1_200],
    // Lists and contexts.
    ['count(tags)', 3], ['min(3, 1, 2)', 1], ['max(items.price)', 45.5], ['max(day, date("2026-01-01"))', '2026-06-12'], ['min([])', null], ['mean(1, 2, 6)', 3], ['median([6, 1, 2])', 2], ['product(2, 3)', 6], ['sum([])', null], ['list contains(tags, "b")', true], ['index of(tags, "a")', [1, 3]], ['append(tags, "c")', ['a', 'b', 'a', 'c']], ['concatenate(tags, ["z"])', ['a', 'b', 'a', 'z']],
    ['distinct values(tags)', ['a', 'b']], ['union(tags, ["c"])', ['a', 'b', 'c']], ['flatten([1, [2, [3]]])', [1, 2, 3]], ['reverse(tags)', ['a', 'b', 'a']], ['remove(tags, 1)', ['b', 'a']], ['sublist(tags, -2)', ['b', 'a']], ['all([true, null])', null], ['any([true, null])', true], ['{ a: 1, b: a + 1 }', { a: 1, b: 2 }], ['{ a: 1 }.a', 1], ['get value({ a: 1 }, "a")', 1], ['get entries({ a: 1 })', [{ key: 'a', value: 1 }]], ['is defined(any.x)', true],
    // Times.
    ['day > date("2026-06-11")', true], ['day = today()', true], ['day + duration("P1M")', '2026-07-12'], ['date("2026-01-31") + duration("P1M")', '2026-02-28'], ['(date("2026-06-20") - day).days', 8], ['day.year', 2_026], ['day.weekday', 5], ['day of week(day)', 'Friday'], ['month of year(day)', 'June'], ['at < now()', false], ['at = now()', true], ['at.hour', 8], ['time(at)', '08:30:00'], ['time("10:00:00") + duration("PT15H")', '01:00:00'],
    ['date(2026, 2, 29)', null], ['date and time("2026-06-12T08:30:00") = at', true], ['date and time(day, time("08:30:00")) = at', true], ['duration("P1DT2H").hours', 2], ['string(duration("PT36H"))', 'P1DT12H'], ['years and months duration(date("2020-05-01"), day).years', 6], ['@"2026-06-12" = day', true], ['@"P1D" < @"PT25H"', true], ['duration("PT1H") * 2 = @"PT2H"', true], ['@"PT3H" / @"PT1H"', 3], ['date(at) = day', true], ['day - @"P1D"', '2026-06-11'], ['week of year(day)', 24], ['day of year(day)', 163],
    ['amount instance of number', true], ['any instance of string', false], ['day instance of date', true],
  ])('%s is %j', (source, expected) => expect(value(source)).toEqual(expected));

  it.each<[string, string]>([
    ['amout > 3', '0: there is no amout'], ['amount > "3"', '0: a number cannot be compared with a string'], ['amount + note', '0: a number + a string is nothing'], ['amount >', '8: ends too early'], ['lengthen(note)', '0: there is no function lengthen'], ['contains(note)', '0: contains takes 2'], ['contains(note, 3)', '15: a number where a string is needed'],
    ['items.prize > 3', '0: there is no prize in it'], ['if amount then 1 else 2', '3: a number where a boolean is needed'], ['day = date("2026-02-30")', '11: “2026-02-30” is no date'], ['@"soon"', '0: “soon” is no date, time or duration'], ['function(x) x', '0: “function(x) x” is not for expressions here'], ['sum(list: [1])', '4: arguments are given by their place'], ['1 2', '2: does not go on with “2”'], ['', '0: ends too early'],
    ['note and urgent', '0: a string where a boolean is needed'], ['day > at', '0: a date cannot be compared with a date and time'], ['urgent < true', '0: a boolean is not before or after anything'], ['{ a: 1, a: 2 }', '8: a stands there twice'], ['amount.x', '0: a number has no x'], ['constructor', '0: there is no constructor'], ['any.x + toString()', '8: there is no function toString'],
  ])('%s is refused, at %s', (source, expected) => expect(fault(source)).toBe(expected));

  it('never takes more than it may', () => {
    const many = { items: Array.from({ length: 1_000 }, () => ({ price: 1 })), tags: Array.from({ length: 1_001 }, () => 'a'), note: 'x'.repeat(60_000) };
    const limit = (source: string) => {
      try {
        return value(source, many);
      } catch (error) {
        return (error as ExpressionLimit).limit;
      }
    };
    expect(limit('count(for a in items, b in items return 1)')).toBe('list');
    expect(limit('some a in items, b in items satisfies a.price > b.price')).toBe('steps');
    expect(limit('for i in 1..100000 return i')).toBe('list');
    expect(limit('note + note')).toBe('text');
    expect(limit('count(tags)')).toBe('list');
    expect(limit('count(append(items, 1))')).toBe('list');
    expect(limit('distinct values(for i in 1..900 return i)')).toBe('steps');
    expect(limit('9 ** 9999')).toBe(null);
    expect(limit('9 ** 99999999')).toBe(null);
    expect(limit('matches(note, "(x+x+)+y")')).toBe(false);
    let deep: unknown = 1;
    for (let n = 0; n < 50_000; n += 1) deep = [deep];
    expect(() => value('any = 1', { any: deep })).toThrow(ExpressionLimit);
    expect(fault(`${'('.repeat(40)}1${')'.repeat(40)}`)).toContain('parts inside one another');
    expect(fault(`1${' + 1'.repeat(1_000)}`)).toBe(`${LIMITS.characters}: more than 2000 characters`);
  });

  it('never does anything but answer, be refused or reach a limit, whatever is written', () => {
    const word = fc.constantFrom('amount', 'items', 'day', 'note', 'any', '1', '0.1', '"a"', 'null', 'true', '+', '-', '*', '/', '**', '<', '=', 'and', 'or', 'in', '(', ')', '[', ']', '{', '}', ',', '..', '.', 'if', 'then', 'else', 'for', 'return', 'some', 'satisfies', 'item', 'price', 'sum', 'not', 'date', 'now', '@"P1D"', 'instance of', 'number', 'between', ':', 'x', 'string length', '__proto__', 'constructor');
    const written = fc.letrec<{ any: string }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 5, withCrossShrink: true },
        word,
        fc.tuple(tie('any'), fc.constantFrom('+', '-', '*', '/', '**', '<', '=', '!=', 'and', 'or', 'in'), tie('any')).map(([a, by, b]) => `(${a} ${by} ${b})`),
        fc.tuple(fc.constantFrom('sum', 'not', 'count', 'string', 'max', 'flatten', 'date', 'duration', 'string length', 'number', 'split', 'matches', 'decimal', 'append', 'sublist'), fc.array(tie('any'), { maxLength: 3 })).map(([name, all]) => `${name}(${all.join(', ')})`),
        fc.tuple(tie('any'), tie('any')).map(([a, b]) => `${a}[${b}]`),
        fc.tuple(tie('any'), tie('any')).map(([a, b]) => `for item in ${a} return ${b}`),
        fc.tuple(tie('any'), tie('any'), tie('any')).map(([a, b, c]) => `if ${a} then ${b} else ${c}`),
        fc.array(tie('any'), { maxLength: 3 }).map((all) => `[${all.join(', ')}]`),
        fc.tuple(tie('any'), fc.constantFrom('x', 'price', 'year', 'days', 'constructor')).map(([a, name]) => `${a}.${name}`),
      ),
    })).any;
    let ran = 0;
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 60, unit: 'binary' }), fc.array(word, { maxLength: 14 }).map((words) => words.join(' ')), { arbitrary: written, weight: 8 }), (source) => {
        const { expression } = compile(source, variables);
        if (!expression) return;
        ran += 1;
        try {
          toJson(expression.evaluate(world));
        } catch (error) {
          if (!(error instanceof ExpressionLimit)) throw error;
        }
      }),
      { numRuns: 2 * RUNS },
    );
    if (RUNS >= 2_000) expect(ran).toBeGreaterThan(100);
  });

  it('computes with decimals as whole numbers of the smallest unit do', () => {
    const cents = fc.integer({ min: -1e9, max: 1e9 });
    const said = (n: number) => `${n < 0 ? '-' : ''}${Math.trunc(Math.abs(n) / 100)}.${String(Math.abs(n) % 100).padStart(2, '0')}`;
    fc.assert(
      fc.property(cents, cents, cents, (a, b, c) => {
        expect(value(`(${said(a)} + ${said(b)} - ${said(c)}) * 100 = ${a + b - c}`)).toBe(true);
        expect(value(`${said(a)} < ${said(b)}`)).toBe(a < b);
      }),
      { numRuns: RUNS },
    );
  });

  it('says what it reads and whether it asks the time', () => {
    const { expression } = compile('amount > 3 and some amount in items satisfies amount.price > days and day < today()', variables);
    expect([[...expression!.reads].sort(), expression!.clock, expression!.type.kind]).toEqual([['amount', 'day', 'days', 'items'], true, 'boolean']);
  });
});

describe('what a condition says', () => {
  const schemaOf = (path: string) => form.properties![path];
  const about = (...sources: string[]) => {
    const found = satisfiable({ op: 'and', of: sources.map((source) => compile(source, variables).expression!.logic) }, schemaOf);
    return found.holds === 'where' ? found.where : found.holds;
  };

  it.each<[string[], string]>([
    [['amount > 5', 'amount <= 5'], 'never'], [['amount > 5', 'amount <= 6'], 'amount is 6'], [['days > 1', 'days < 2'], 'never'], [['amount > 1', 'amount < 2', 'amount != 1.5'], 'amount is 1.125'], [['kind = "sick"', 'kind in ("annual", "unpaid")'], 'never'], [['kind != "sick"', 'kind != "annual"', 'kind != "unpaid"', 'kind != null'], 'never'],
    [['urgent', 'not(urgent)'], 'never'], [['urgent', 'amount > 3'], 'urgent is true and amount is 4'], [['amount between 1 and 3', 'not(amount >= 2)'], 'amount is 1'], [['day > date("2026-01-01")', 'day < date("2026-01-02")'], 'never'], [['day >= date("2026-01-01")', 'day < date("2026-01-02")'], 'day is 2026-01-01'],
    [['contains(note, "x")', 'not(contains(note, "x"))'], 'never'], [['contains(note, "x")', 'amount > 3'], 'perhaps'], [['contains(note, "x")', 'amount > 3', 'amount < 2'], 'never'], [['amount = 3 or amount = 4', 'amount = 4 or amount = 5'], 'amount is 4'], [['5 < amount', 'amount in [1..5]'], 'never'], [['true', 'false'], 'never'], [['note > "a"', 'note < "b"'], 'note is "a\\u0001"'],
  ])('%j: %s', (sources, expected) => expect(about(...sources)).toBe(expected));

  it('is never said to be impossible where it is not, nor possible where it is not', () => {
    const n = fc.integer({ min: -3, max: 3 });
    const atom = fc.oneof(
      fc.tuple(fc.constantFrom('amount', 'days'), fc.constantFrom('=', '!=', '<', '<=', '>', '>='), n).map(([name, operator, to]) => `${name} ${operator} ${to}`),
      fc.tuple(fc.constantFrom('=', '!='), fc.constantFrom('sick', 'annual', 'unpaid')).map(([operator, to]) => `kind ${operator} "${to}"`),
      fc.constant('urgent'),
    );
    const condition = fc.letrec<{ any: string }>((tie) => ({ any: fc.oneof({ maxDepth: 4, withCrossShrink: true }, atom, fc.tuple(tie('any'), fc.constantFrom('and', 'or'), tie('any')).map(([a, by, b]) => `(${a} ${by} ${b})`), tie('any').map((a) => `not(${a})`)) })).any;
    const values = fc.record({ amount: fc.integer({ min: -9, max: 9 }).map((each) => each / 2), days: n, kind: fc.constantFrom('sick', 'annual', 'unpaid'), urgent: fc.boolean() });
    fc.assert(
      fc.property(condition, fc.array(values, { minLength: 30, maxLength: 30 }), (source, tries) => {
        const { expression } = compile(source, variables);
        if (!expression) throw new Error(source);
        const found = satisfiable(expression.logic, schemaOf);
        const held = tries.find((each) => expression.evaluate({ ...world, variables: each }) === true);
        if (found.holds === 'never') expect([source, held]).toEqual([source, undefined]);
        if (found.holds !== 'where' || found.where === 'always') return;
        // What it names makes it true, whatever else there is.
        const named = Object.fromEntries(found.where.split(' and ').map((each) => each.split(' is ')).map(([name, text]) => [name, JSON.parse(text!) as unknown]));
        for (const each of tries) expect([source, expression.evaluate({ ...world, variables: { ...each, ...named } })]).toEqual([source, true]);
      }),
      { numRuns: RUNS },
    );
  });
});
