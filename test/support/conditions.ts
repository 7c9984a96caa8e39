import fc from 'fast-check';
import type { AttributeTypes, Condition, Operand } from '../../src/access';

/** Attributes that generated conditions ask about: every type on the resource's side, and some on the others'. */
export const TYPES: AttributeTypes = {
  'resource.kind': 'string', 'resource.amount': 'number', 'resource.due': 'time', 'resource.open': 'boolean', 'resource.tags': 'strings',
  'subject.level': 'number', 'subject.team': 'string', 'context.now': 'time', 'context.channels': 'strings',
};

const word = fc.constantFrom('a', 'b', 'c', "it's", '');
const number = fc.constantFrom(-1.5, 0, 1, 2, 1e15, 0.1);
const time = fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-01T07:00:00+07:00', '2026-06-30T12:30:00.250Z', '2027-01-01T00:00:00.000Z');
const words = fc.array(word, { maxLength: 3 });

/** Some of the attributes with a value of their type; others missing. */
export const ATTRIBUTES: fc.Arbitrary<Record<string, unknown>> = fc.record(
  { 'resource.kind': word, 'resource.amount': number, 'resource.due': time, 'resource.open': fc.boolean(), 'resource.tags': words, 'subject.level': number, 'subject.team': word, 'context.now': time, 'context.channels': words },
  { requiredKeys: [] },
);

const attribute = (name: string): Operand => ({ attribute: name });
const literal = (value: fc.Arbitrary<string | number | boolean | string[]>) => value.map((each): Operand => ({ value: each }));
const pair = (row: string, other: fc.Arbitrary<Operand>) => fc.tuple(fc.constant(attribute(row)), other, fc.boolean()).map(([a, b, turned]) => (turned ? { left: b, right: a } : { left: a, right: b }));
const compared = <T extends string>(op: fc.Arbitrary<T>, sides: fc.Arbitrary<{ left: Operand; right: Operand }>) => fc.tuple(op, sides).map(([name, both]) => ({ op: name, ...both }) as Condition);
const equality = fc.constantFrom('eq', 'ne');
const order = fc.constantFrom('eq', 'ne', 'lt', 'le', 'gt', 'ge');

const leaf: fc.Arbitrary<Condition> = fc.oneof(
  compared(equality, pair('resource.kind', fc.oneof(literal(word), fc.constant(attribute('subject.team'))))),
  compared(order, pair('resource.amount', fc.oneof(literal(number), fc.constant(attribute('subject.level'))))),
  compared(order, pair('resource.due', fc.oneof(literal(time), fc.constant(attribute('context.now'))))),
  compared(equality, pair('resource.open', literal(fc.boolean()))),
  compared(order, pair('subject.level', literal(number))),
  fc.oneof(literal(words), fc.constant(attribute('context.channels'))).map((right): Condition => ({ op: 'in', left: attribute('resource.kind'), right })),
  fc.oneof(literal(word), fc.constant(attribute('subject.team'))).map((left): Condition => ({ op: 'in', left, right: attribute('resource.tags') })),
  fc.constantFrom(...Object.keys(TYPES)).map((name): Condition => ({ op: 'known', of: { attribute: name } })),
);

/** Conditions that type-check against TYPES, up to four levels deep. */
export const aCondition: fc.Arbitrary<Condition> = fc.letrec<{ node: Condition }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('node'), { minLength: 1, maxLength: 3 })).map(([op, of]): Condition => ({ op, of })),
    tie('node').map((of): Condition => ({ op: 'not', of })),
  ),
})).node;
