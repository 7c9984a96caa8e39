import { applyDecorators, createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension, ApiSecurity } from '@nestjs/swagger';
import type { Request } from 'express';
import type { Actor, UnlinkedUser } from './actor';
import type { PermissionCode } from './permission-codes';

/** What a route asks of its caller. A route without one is refused, and the application does not boot with it. */
export type AccessRule =
  | { kind: 'public' }
  /** Any valid session of the foundation, linked to a person or not. */
  | { kind: 'token' }
  /** Any linked person (or API key) of the foundation. */
  | { kind: 'signed-in' }
  /** A person or key holding the permission in some scope; the service asks for the rows. */
  | { kind: 'permission'; code: PermissionCode };

export const ACCESS_RULE = 'gloria:access-rule';

const rule = (value: AccessRule, ...extra: MethodDecorator[]) =>
  applyDecorators(SetMetadata(ACCESS_RULE, value), ApiExtension('x-access', describeRule(value)), ...extra);

// Made anew for each route: these decorators collect what they are applied to.
const secured = () => [ApiBearerAuth('session'), ApiSecurity('api-key')];

export const Public = () => rule({ kind: 'public' });
export const AnyToken = () => rule({ kind: 'token' }, ...secured());
export const SignedIn = () => rule({ kind: 'signed-in' }, ...secured());
export const RequirePermission = (code: PermissionCode) => rule({ kind: 'permission', code }, ...secured());

export function describeRule(value: AccessRule): string {
  return value.kind === 'permission' ? value.code : value.kind;
}

/** The request after the auth guard has run. */
export interface AuthenticatedRequest extends Request {
  actor?: Actor;
  unlinked?: UnlinkedUser;
}

/** The caller of a `@SignedIn` or `@RequirePermission` route. */
export const CurrentActor = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { actor } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (!actor) throw new Error('CurrentActor used on a route that admits callers without an actor');
  return actor;
});

/** The caller of an `@AnyToken` route: an actor, or a Clerk user no person is linked to. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Actor | UnlinkedUser => {
  const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
  const caller = request.actor ?? request.unlinked;
  if (!caller) throw new Error('CurrentCaller used on a public route');
  return caller;
});
