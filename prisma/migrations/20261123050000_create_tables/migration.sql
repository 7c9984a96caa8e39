-- rollback: forward only; this is the first migration, undoing it is dropping the database.
-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "org_unit_kind" AS ENUM ('foundation', 'school', 'department');

-- CreateEnum
CREATE TYPE "grant_effect" AS ENUM ('allow', 'deny');

-- CreateEnum
CREATE TYPE "grant_scope" AS ENUM ('own', 'department', 'school', 'node', 'all');

-- CreateEnum
CREATE TYPE "workflow_instance_state" AS ENUM ('draft', 'running', 'returned', 'withdrawn', 'completed', 'rejected');

-- CreateEnum
CREATE TYPE "workflow_task_state" AS ENUM ('open', 'approved', 'completed', 'returned', 'rejected', 'cancelled');

-- CreateEnum
CREATE TYPE "workflow_decision_verb" AS ENUM ('approve', 'complete', 'return', 'reject');

-- CreateTable
CREATE TABLE "foundation" (
    "id" UUID NOT NULL,
    "clerk_org_id" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "timezone" TEXT NOT NULL DEFAULT 'Asia/Jakarta',
    "locale" TEXT NOT NULL DEFAULT 'id',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "foundation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "org_unit" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "kind" "org_unit_kind" NOT NULL,
    "parent_id" UUID,
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "lft" INTEGER NOT NULL DEFAULT 0,
    "rgt" INTEGER NOT NULL DEFAULT 0,
    "depth" INTEGER NOT NULL DEFAULT 0,
    "school_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "org_unit_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "position" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "unit_id" UUID NOT NULL,
    "code" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "is_head" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "position_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "person" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "employee_number" TEXT NOT NULL,
    "full_name" TEXT NOT NULL,
    "email" TEXT,
    "phone" TEXT,
    "locale" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "person_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "appointment" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "person_id" UUID NOT NULL,
    "position_id" UUID NOT NULL,
    "acting" BOOLEAN NOT NULL DEFAULT false,
    "valid_from" TIMESTAMPTZ(3) NOT NULL,
    "valid_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "appointment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "user_account" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "clerk_user_id" TEXT NOT NULL,
    "person_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "user_account_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "user_session" (
    "sid" TEXT NOT NULL,
    "foundation_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "user_session_pkey" PRIMARY KEY ("foundation_id","sid")
);

-- CreateTable
CREATE TABLE "invitation" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "person_id" UUID NOT NULL,
    "code_hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "redeemed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "invitation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "permission" (
    "code" TEXT NOT NULL,
    "index" INTEGER NOT NULL,
    "description" TEXT NOT NULL,

    CONSTRAINT "permission_pkey" PRIMARY KEY ("code")
);

-- CreateTable
CREATE TABLE "role" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "system" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "role_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "role_inheritance" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "senior_id" UUID NOT NULL,
    "junior_id" UUID NOT NULL,

    CONSTRAINT "role_inheritance_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "role_closure" (
    "foundation_id" UUID NOT NULL,
    "senior_id" UUID NOT NULL,
    "junior_id" UUID NOT NULL,

    CONSTRAINT "role_closure_pkey" PRIMARY KEY ("foundation_id","senior_id","junior_id")
);

-- CreateTable
CREATE TABLE "role_assignment" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "role_id" UUID NOT NULL,
    "person_id" UUID,
    "position_id" UUID,
    "valid_from" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "valid_until" TIMESTAMPTZ(3),
    "reason" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "role_assignment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "grant_rule" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "permission_code" TEXT NOT NULL,
    "effect" "grant_effect" NOT NULL DEFAULT 'allow',
    "scope" "grant_scope" NOT NULL,
    "node_id" UUID,
    "role_id" UUID,
    "person_id" UUID,
    "position_id" UUID,
    "everyone" BOOLEAN NOT NULL DEFAULT false,
    "valid_from" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "valid_until" TIMESTAMPTZ(3),
    "reason" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "grant_rule_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "authz_head" (
    "foundation_id" UUID NOT NULL,
    "v" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "authz_head_pkey" PRIMARY KEY ("foundation_id")
);

-- CreateTable
CREATE TABLE "authz_change" (
    "seq" BIGSERIAL NOT NULL,
    "foundation_id" UUID NOT NULL,
    "v" BIGINT NOT NULL,
    "table_name" TEXT NOT NULL,
    "op" TEXT NOT NULL,
    "row_id" UUID NOT NULL,
    "before" JSONB,
    "after" JSONB,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "authz_change_pkey" PRIMARY KEY ("seq")
);

-- CreateTable
CREATE TABLE "api_key" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "key_id" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "pepper_kid" TEXT NOT NULL,
    "scopes" TEXT[],
    "cidrs" TEXT[],
    "created_by_id" UUID NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotency_record" (
    "foundation_id" UUID NOT NULL,
    "actor_key" TEXT NOT NULL,
    "route" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "request_hash" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_record_pkey" PRIMARY KEY ("foundation_id","actor_key","route","key")
);

-- CreateTable
CREATE TABLE "outbox_message" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "topic" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "available_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "delivered_at" TIMESTAMPTZ(3),
    "dead_at" TIMESTAMPTZ(3),
    "last_error" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "outbox_message_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workflow_definition" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "hash" TEXT NOT NULL,
    "document" JSONB NOT NULL,
    "published_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "workflow_definition_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workflow_instance" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "definition_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "initiator_id" UUID NOT NULL,
    "unit_id" UUID NOT NULL,
    "state" "workflow_instance_state" NOT NULL DEFAULT 'draft',
    "node" TEXT,
    "form" JSONB NOT NULL,
    "round" INTEGER NOT NULL DEFAULT 0,
    "seq" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "submitted_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "workflow_instance_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workflow_task" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "instance_id" UUID NOT NULL,
    "node" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "state" "workflow_task_state" NOT NULL DEFAULT 'open',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "closed_at" TIMESTAMPTZ(3),

    CONSTRAINT "workflow_task_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workflow_candidate" (
    "foundation_id" UUID NOT NULL,
    "task_id" UUID NOT NULL,
    "person_id" UUID NOT NULL,
    "reason" JSONB NOT NULL,

    CONSTRAINT "workflow_candidate_pkey" PRIMARY KEY ("foundation_id","task_id","person_id")
);

-- CreateTable
CREATE TABLE "workflow_decision" (
    "id" UUID NOT NULL,
    "foundation_id" UUID NOT NULL,
    "task_id" UUID NOT NULL,
    "actor_key" TEXT NOT NULL,
    "verb" "workflow_decision_verb" NOT NULL,
    "comment" TEXT,
    "decided_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "workflow_decision_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workflow_history" (
    "foundation_id" UUID NOT NULL,
    "instance_id" UUID NOT NULL,
    "seq" INTEGER NOT NULL,
    "event" TEXT NOT NULL,
    "node" TEXT,
    "actor_key" TEXT NOT NULL,
    "data" JSONB NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "workflow_history_pkey" PRIMARY KEY ("foundation_id","instance_id","seq")
);

-- CreateIndex
CREATE UNIQUE INDEX "foundation_clerk_org_id_key" ON "foundation"("clerk_org_id");

-- CreateIndex
CREATE UNIQUE INDEX "foundation_code_key" ON "foundation"("code");

-- CreateIndex
CREATE INDEX "org_unit_foundation_id_parent_id_idx" ON "org_unit"("foundation_id", "parent_id");

-- CreateIndex
CREATE INDEX "org_unit_foundation_id_lft_idx" ON "org_unit"("foundation_id", "lft");

-- CreateIndex
CREATE UNIQUE INDEX "org_unit_foundation_id_id_key" ON "org_unit"("foundation_id", "id");

-- CreateIndex
CREATE INDEX "position_foundation_id_unit_id_idx" ON "position"("foundation_id", "unit_id");

-- CreateIndex
CREATE UNIQUE INDEX "position_foundation_id_id_key" ON "position"("foundation_id", "id");

-- CreateIndex
CREATE INDEX "person_foundation_id_full_name_id_idx" ON "person"("foundation_id", "full_name", "id");

-- CreateIndex
CREATE UNIQUE INDEX "person_foundation_id_id_key" ON "person"("foundation_id", "id");

-- CreateIndex
CREATE INDEX "appointment_foundation_id_person_id_idx" ON "appointment"("foundation_id", "person_id");

-- CreateIndex
CREATE INDEX "appointment_foundation_id_position_id_idx" ON "appointment"("foundation_id", "position_id");

-- CreateIndex
CREATE UNIQUE INDEX "user_account_foundation_id_id_key" ON "user_account"("foundation_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "user_account_foundation_id_clerk_user_id_key" ON "user_account"("foundation_id", "clerk_user_id");

-- CreateIndex
CREATE UNIQUE INDEX "user_account_foundation_id_person_id_key" ON "user_account"("foundation_id", "person_id");

-- CreateIndex
CREATE INDEX "user_session_foundation_id_user_id_idx" ON "user_session"("foundation_id", "user_id");

-- CreateIndex
CREATE INDEX "invitation_foundation_id_person_id_idx" ON "invitation"("foundation_id", "person_id");

-- CreateIndex
CREATE UNIQUE INDEX "invitation_foundation_id_code_hash_key" ON "invitation"("foundation_id", "code_hash");

-- CreateIndex
CREATE UNIQUE INDEX "permission_index_key" ON "permission"("index");

-- CreateIndex
CREATE UNIQUE INDEX "role_foundation_id_id_key" ON "role"("foundation_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "role_foundation_id_code_key" ON "role"("foundation_id", "code");

-- CreateIndex
CREATE INDEX "role_inheritance_foundation_id_junior_id_idx" ON "role_inheritance"("foundation_id", "junior_id");

-- CreateIndex
CREATE UNIQUE INDEX "role_inheritance_foundation_id_senior_id_junior_id_key" ON "role_inheritance"("foundation_id", "senior_id", "junior_id");

-- CreateIndex
CREATE INDEX "role_closure_foundation_id_junior_id_idx" ON "role_closure"("foundation_id", "junior_id");

-- CreateIndex
CREATE INDEX "role_assignment_foundation_id_role_id_idx" ON "role_assignment"("foundation_id", "role_id");

-- CreateIndex
CREATE INDEX "role_assignment_foundation_id_person_id_idx" ON "role_assignment"("foundation_id", "person_id");

-- CreateIndex
CREATE INDEX "role_assignment_foundation_id_position_id_idx" ON "role_assignment"("foundation_id", "position_id");

-- CreateIndex
CREATE INDEX "grant_rule_permission_code_idx" ON "grant_rule"("permission_code");

-- CreateIndex
CREATE INDEX "grant_rule_foundation_id_node_id_idx" ON "grant_rule"("foundation_id", "node_id");

-- CreateIndex
CREATE INDEX "grant_rule_foundation_id_role_id_idx" ON "grant_rule"("foundation_id", "role_id");

-- CreateIndex
CREATE INDEX "grant_rule_foundation_id_person_id_idx" ON "grant_rule"("foundation_id", "person_id");

-- CreateIndex
CREATE INDEX "grant_rule_foundation_id_position_id_idx" ON "grant_rule"("foundation_id", "position_id");

-- CreateIndex
CREATE INDEX "authz_change_foundation_id_v_idx" ON "authz_change"("foundation_id", "v");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_key_id_key" ON "api_key"("key_id");

-- CreateIndex
CREATE INDEX "api_key_foundation_id_created_by_id_idx" ON "api_key"("foundation_id", "created_by_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_foundation_id_id_key" ON "api_key"("foundation_id", "id");

-- CreateIndex
CREATE INDEX "idempotency_record_created_at_idx" ON "idempotency_record"("created_at");

-- CreateIndex
CREATE INDEX "outbox_message_foundation_id_idx" ON "outbox_message"("foundation_id");

-- CreateIndex
CREATE UNIQUE INDEX "workflow_definition_foundation_id_id_key" ON "workflow_definition"("foundation_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "workflow_definition_foundation_id_key_number_key" ON "workflow_definition"("foundation_id", "key", "number");

-- CreateIndex
CREATE UNIQUE INDEX "workflow_definition_foundation_id_key_hash_key" ON "workflow_definition"("foundation_id", "key", "hash");

-- CreateIndex
CREATE INDEX "workflow_instance_foundation_id_definition_id_idx" ON "workflow_instance"("foundation_id", "definition_id");

-- CreateIndex
CREATE INDEX "workflow_instance_foundation_id_initiator_id_id_idx" ON "workflow_instance"("foundation_id", "initiator_id", "id");

-- CreateIndex
CREATE INDEX "workflow_instance_foundation_id_unit_id_idx" ON "workflow_instance"("foundation_id", "unit_id");

-- CreateIndex
CREATE INDEX "workflow_instance_foundation_id_state_id_idx" ON "workflow_instance"("foundation_id", "state", "id");

-- CreateIndex
CREATE UNIQUE INDEX "workflow_instance_foundation_id_id_key" ON "workflow_instance"("foundation_id", "id");

-- CreateIndex
CREATE INDEX "workflow_task_foundation_id_instance_id_idx" ON "workflow_task"("foundation_id", "instance_id");

-- CreateIndex
CREATE UNIQUE INDEX "workflow_task_foundation_id_id_key" ON "workflow_task"("foundation_id", "id");

-- CreateIndex
CREATE INDEX "workflow_candidate_foundation_id_person_id_task_id_idx" ON "workflow_candidate"("foundation_id", "person_id", "task_id");

-- CreateIndex
CREATE UNIQUE INDEX "workflow_decision_foundation_id_task_id_actor_key_key" ON "workflow_decision"("foundation_id", "task_id", "actor_key");

-- AddForeignKey
ALTER TABLE "org_unit" ADD CONSTRAINT "org_unit_foundation_id_fkey" FOREIGN KEY ("foundation_id") REFERENCES "foundation"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "org_unit" ADD CONSTRAINT "org_unit_foundation_id_parent_id_fkey" FOREIGN KEY ("foundation_id", "parent_id") REFERENCES "org_unit"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "position" ADD CONSTRAINT "position_foundation_id_unit_id_fkey" FOREIGN KEY ("foundation_id", "unit_id") REFERENCES "org_unit"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "person" ADD CONSTRAINT "person_foundation_id_fkey" FOREIGN KEY ("foundation_id") REFERENCES "foundation"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "appointment" ADD CONSTRAINT "appointment_foundation_id_person_id_fkey" FOREIGN KEY ("foundation_id", "person_id") REFERENCES "person"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "appointment" ADD CONSTRAINT "appointment_foundation_id_position_id_fkey" FOREIGN KEY ("foundation_id", "position_id") REFERENCES "position"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "user_account" ADD CONSTRAINT "user_account_foundation_id_person_id_fkey" FOREIGN KEY ("foundation_id", "person_id") REFERENCES "person"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "user_session" ADD CONSTRAINT "user_session_foundation_id_user_id_fkey" FOREIGN KEY ("foundation_id", "user_id") REFERENCES "user_account"("foundation_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "invitation" ADD CONSTRAINT "invitation_foundation_id_person_id_fkey" FOREIGN KEY ("foundation_id", "person_id") REFERENCES "person"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "role" ADD CONSTRAINT "role_foundation_id_fkey" FOREIGN KEY ("foundation_id") REFERENCES "foundation"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "role_inheritance" ADD CONSTRAINT "role_inheritance_foundation_id_senior_id_fkey" FOREIGN KEY ("foundation_id", "senior_id") REFERENCES "role"("foundation_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "role_inheritance" ADD CONSTRAINT "role_inheritance_foundation_id_junior_id_fkey" FOREIGN KEY ("foundation_id", "junior_id") REFERENCES "role"("foundation_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "role_closure" ADD CONSTRAINT "role_closure_foundation_id_senior_id_fkey" FOREIGN KEY ("foundation_id", "senior_id") REFERENCES "role"("foundation_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "role_closure" ADD CONSTRAINT "role_closure_foundation_id_junior_id_fkey" FOREIGN KEY ("foundation_id", "junior_id") REFERENCES "role"("foundation_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "role_assignment" ADD CONSTRAINT "role_assignment_foundation_id_role_id_fkey" FOREIGN KEY ("foundation_id", "role_id") REFERENCES "role"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "role_assignment" ADD CONSTRAINT "role_assignment_foundation_id_person_id_fkey" FOREIGN KEY ("foundation_id", "person_id") REFERENCES "person"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "role_assignment" ADD CONSTRAINT "role_assignment_foundation_id_position_id_fkey" FOREIGN KEY ("foundation_id", "position_id") REFERENCES "position"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "grant_rule" ADD CONSTRAINT "grant_rule_permission_code_fkey" FOREIGN KEY ("permission_code") REFERENCES "permission"("code") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "grant_rule" ADD CONSTRAINT "grant_rule_foundation_id_node_id_fkey" FOREIGN KEY ("foundation_id", "node_id") REFERENCES "org_unit"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "grant_rule" ADD CONSTRAINT "grant_rule_foundation_id_role_id_fkey" FOREIGN KEY ("foundation_id", "role_id") REFERENCES "role"("foundation_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "grant_rule" ADD CONSTRAINT "grant_rule_foundation_id_person_id_fkey" FOREIGN KEY ("foundation_id", "person_id") REFERENCES "person"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "grant_rule" ADD CONSTRAINT "grant_rule_foundation_id_position_id_fkey" FOREIGN KEY ("foundation_id", "position_id") REFERENCES "position"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_foundation_id_created_by_id_fkey" FOREIGN KEY ("foundation_id", "created_by_id") REFERENCES "person"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_definition" ADD CONSTRAINT "workflow_definition_foundation_id_fkey" FOREIGN KEY ("foundation_id") REFERENCES "foundation"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_instance" ADD CONSTRAINT "workflow_instance_foundation_id_definition_id_fkey" FOREIGN KEY ("foundation_id", "definition_id") REFERENCES "workflow_definition"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_instance" ADD CONSTRAINT "workflow_instance_foundation_id_initiator_id_fkey" FOREIGN KEY ("foundation_id", "initiator_id") REFERENCES "person"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_instance" ADD CONSTRAINT "workflow_instance_foundation_id_unit_id_fkey" FOREIGN KEY ("foundation_id", "unit_id") REFERENCES "org_unit"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_task" ADD CONSTRAINT "workflow_task_foundation_id_instance_id_fkey" FOREIGN KEY ("foundation_id", "instance_id") REFERENCES "workflow_instance"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_candidate" ADD CONSTRAINT "workflow_candidate_foundation_id_task_id_fkey" FOREIGN KEY ("foundation_id", "task_id") REFERENCES "workflow_task"("foundation_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_candidate" ADD CONSTRAINT "workflow_candidate_foundation_id_person_id_fkey" FOREIGN KEY ("foundation_id", "person_id") REFERENCES "person"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_decision" ADD CONSTRAINT "workflow_decision_foundation_id_task_id_fkey" FOREIGN KEY ("foundation_id", "task_id") REFERENCES "workflow_task"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_history" ADD CONSTRAINT "workflow_history_foundation_id_instance_id_fkey" FOREIGN KEY ("foundation_id", "instance_id") REFERENCES "workflow_instance"("foundation_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

