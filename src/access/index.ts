export * from './access.decorators';
export * from './actor';
export * from './condition';
export * from './permission-codes';
export * from './permission.port';
export * from './problem';
export * from './problem-codes';
export * from './row-filter';
