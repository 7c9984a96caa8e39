export { compile, type Expression, type Fault, type World } from './compile';
export { functionNames } from './functions';
export { ExpressionLimit, LIMITS } from './limits';
export { type Logic, satisfiable } from './logic';
export { ANY, BOOLEAN, contextOf, fits, fromJson, listOf, NUMBER, type Schema, STRING, type Type, typeOfSchema, typeText } from './types';
export { toJson } from './values';
