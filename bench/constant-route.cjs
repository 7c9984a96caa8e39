// The API with one route more, which passes the same guards and answers a constant: what a request costs before anything is decided.
require('reflect-metadata');
const { Controller, HttpCode, Module, Post } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { join } = require('node:path');

const dist = (path) => require(join(__dirname, '..', 'dist', path));
const { SignedIn } = dist('access/index.js');
const { AppModule, LARGE_BODIES } = dist('app.module.js');
const { configureApp } = dist('http/index.js');
const { configOrExit } = dist('platform/config/index.js');

class Constant {
  answer() {
    return { decision: true };
  }
}
const descriptor = Object.getOwnPropertyDescriptor(Constant.prototype, 'answer');
for (const decorate of [SignedIn(), HttpCode(200), Post('constant')]) decorate(Constant.prototype, 'answer', descriptor);
Controller('bench')(Constant);
class WithConstant {}
Module({ imports: [AppModule.of(configOrExit())], controllers: [Constant] })(WithConstant);

async function main() {
  const app = await NestFactory.create(WithConstant, { bodyParser: false, logger: false });
  configureApp(app, LARGE_BODIES);
  await app.listen(0, '127.0.0.1');
  process.send({ port: app.getHttpServer().address().port });
}
main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
