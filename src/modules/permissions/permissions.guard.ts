import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ACCESS_RULE, type AccessRule, type AuthenticatedRequest, PermissionPort, Problem } from '../../access';

/** The door's question: does the caller hold this kind of permission at all? The service asks for the rows. */
@Injectable()
export class PermissionsGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly permissions: PermissionPort,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const rule = this.reflector.get<AccessRule | undefined>(ACCESS_RULE, context.getHandler());
    const { actor } = context.switchToHttp().getRequest<AuthenticatedRequest>();
    switch (rule?.kind) {
      case undefined:
        throw new Problem('ROUTE_WITHOUT_RULE');
      case 'public':
      case 'token':
        return true;
      case 'signed-in':
        if (!actor) throw new Problem('ACCOUNT_NOT_LINKED');
        await this.permissions.prepare(actor);
        return true;
      case 'permission':
        if (!actor) throw new Problem('ACCOUNT_NOT_LINKED');
        await this.permissions.requireKind(actor, rule.code);
        return true;
    }
  }
}
