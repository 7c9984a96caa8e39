import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { ACCESS_RULE, type AccessRule } from '../access';

export interface RouteRule {
  /** `METHOD /path/:template`, without the global prefix. */
  route: string;
  handler: string;
  rule: AccessRule | null;
}

/** Every route of every controller with its access rule; null where it has none. */
export function listRoutes(discovery: DiscoveryService): RouteRule[] {
  const scanner = new MetadataScanner();
  return discovery.getControllers().flatMap(({ metatype }) => {
    if (!metatype) return [];
    const prototype = metatype.prototype as Record<string, object>;
    const bases = [Reflect.getMetadata(PATH_METADATA, metatype) as string | string[] | undefined].flat();
    return scanner.getAllMethodNames(prototype).flatMap((name) => {
      const handler = prototype[name]!;
      const paths = Reflect.getMetadata(PATH_METADATA, handler) as string | string[] | undefined;
      if (paths === undefined) return [];
      const method = RequestMethod[(Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined) ?? RequestMethod.GET];
      const rule = (Reflect.getMetadata(ACCESS_RULE, handler) as AccessRule | undefined) ?? null;
      return bases.flatMap((base) =>
        [paths].flat().map((path) => ({
          route: `${method} /${[base, path].map((part) => (part ?? '').replace(/^\/|\/$/g, '')).filter(Boolean).join('/')}`,
          handler: `${metatype.name}.${name}`,
          rule,
        })),
      );
    });
  });
}

/** Silence means no: the application does not boot with a route nobody wrote a rule for. */
export function refuseRoutesWithoutRule(discovery: DiscoveryService): void {
  const silent = listRoutes(discovery).filter(({ rule }) => rule === null);
  if (silent.length > 0) {
    throw new Error(`routes without an access rule: ${silent.map(({ route, handler }) => `${route} (${handler})`).join(', ')}`);
  }
}
