import type { AttributeTypes, Condition, UnitPath } from '../../access';

export type Scope = 'own' | 'department' | 'school' | 'node' | 'all';

/** A grant's condition, with the types its attributes had when it was made. */
export interface TypedCondition {
  test: Condition;
  types: AttributeTypes;
}

/** One grant as it applies to a subject now: how far it reaches, in terms a row can be compared with. */
export interface EffectiveGrant {
  id: string;
  scope: Scope;
  /** Position it comes through, and role assigned that led to it. */
  positionId: string | null;
  roleId: string | null;
  all: boolean;
  own: boolean;
  /** The units it reaches, with all below them. */
  units: readonly UnitPath[];
  resource: { type: string; id: string | null } | null;
  condition: TypedCondition | null;
  /** When it ends, by its own end or that of the post it comes through; epoch ms, null for open-ended. */
  until: number | null;
}
