/**
 * Every error a caller can see, in one list: HTTP status, English title, and the detail in both languages
 * (`{name}` is replaced from the problem's parameters). docs/errors.md has one section a code; a test compares them.
 */
export const PROBLEMS = {
  // 400
  REQUEST_MALFORMED: { status: 400, title: 'Malformed request', en: 'The body is not valid JSON.', id: 'Isi permintaan bukan JSON yang sah.' },
  REQUEST_INVALID: { status: 400, title: 'Invalid request', en: '{count} value(s) are not acceptable; see errors.', id: '{count} nilai tidak dapat diterima; lihat errors.' },
  CURSOR_INVALID: { status: 400, title: 'Invalid cursor', en: 'The cursor was not issued for this list, or was changed.', id: 'Kursor tidak berasal dari daftar ini, atau telah diubah.' },
  IMPORT_INVALID: { status: 400, title: 'Import refused', en: '{count} problem(s) in the file; nothing was written.', id: '{count} masalah dalam berkas; tidak ada yang ditulis.' },
  // 401
  AUTH_TOKEN_MISSING: { status: 401, title: 'Sign in required', en: 'Send a session token or an API key.', id: 'Kirim token sesi atau kunci API.' },
  AUTH_TOKEN_INVALID: { status: 401, title: 'Token not accepted', en: 'The token is not valid ({reason}).', id: 'Token tidak sah ({reason}).' },
  AUTH_TOKEN_EXPIRED: { status: 401, title: 'Token expired', en: 'The token has expired; refresh it and try again.', id: 'Token sudah kedaluwarsa; perbarui lalu coba lagi.' },
  AUTH_SESSION_ENDED: { status: 401, title: 'Session ended', en: 'This session was ended; sign in again.', id: 'Sesi ini telah diakhiri; silakan masuk kembali.' },
  AUTH_API_KEY_INVALID: { status: 401, title: 'API key not accepted', en: 'The key is unknown, expired, revoked, or used from another network.', id: 'Kunci tidak dikenal, kedaluwarsa, dicabut, atau dipakai dari jaringan lain.' },
  // 403
  AUTH_SESSION_PENDING: { status: 403, title: 'Session pending', en: 'Finish signing in first.', id: 'Selesaikan proses masuk terlebih dahulu.' },
  FOUNDATION_REQUIRED: { status: 403, title: 'No foundation', en: 'The session has no active organization known here.', id: 'Sesi tidak memiliki organisasi aktif yang dikenal.' },
  ACCOUNT_NOT_LINKED: { status: 403, title: 'Account not linked', en: 'No person is linked to this account; redeem your invitation.', id: 'Akun ini belum terhubung dengan siapa pun; gunakan undangan Anda.' },
  PERMISSION_DENIED: { status: 403, title: 'Not allowed', en: 'This needs the permission {permission}, which you do not hold for it.', id: 'Ini memerlukan izin {permission}, yang tidak Anda miliki untuknya.' },
  GRANT_EXCEEDS_OWN: { status: 403, title: 'Grants more than you hold', en: 'You cannot grant {permission} beyond what you hold yourself.', id: 'Anda tidak dapat memberi {permission} melebihi yang Anda miliki.' },
  ROUTE_WITHOUT_RULE: { status: 403, title: 'Not allowed', en: 'This route admits nobody.', id: 'Rute ini tidak menerima siapa pun.' },
  SESSION_REQUIRED: { status: 403, title: 'Session required', en: 'Only a signed-in person can do this, not an API key.', id: 'Hanya orang yang masuk yang dapat melakukan ini, bukan kunci API.' },
  DUTIES_KEPT_APART: { status: 403, title: 'Duties kept apart', en: 'You have had another part in this request, and "{set}" keeps the two apart.', id: 'Anda sudah berperan lain dalam permintaan ini, dan "{set}" memisahkan keduanya.' },
  WORKFLOW_OWN_STEP: { status: 403, title: 'Own request', en: 'Nobody decides on their own request.', id: 'Tidak seorang pun memutuskan permintaannya sendiri.' },
  WORKFLOW_NOT_CANDIDATE: { status: 403, title: 'Not your step', en: 'You are not among the people who may decide this step.', id: 'Anda tidak termasuk yang boleh memutuskan langkah ini.' },
  WORKFLOW_NOT_INITIATOR: { status: 403, title: 'Not your request', en: 'Only the person who filed the request can do this.', id: 'Hanya pengaju permintaan yang dapat melakukan ini.' },
  WORKFLOW_SEPARATION: { status: 403, title: 'Kept apart', en: 'Whoever decided an earlier step of this request may not decide this one.', id: 'Yang memutuskan langkah sebelumnya tidak boleh memutuskan langkah ini.' },
  // 404, 405
  NOT_FOUND: { status: 404, title: 'Not found', en: 'There is no such thing, or you may not see it.', id: 'Tidak ada, atau Anda tidak boleh melihatnya.' },
  INVITATION_INVALID: { status: 404, title: 'Invitation not accepted', en: 'The invitation code is unknown, used or expired.', id: 'Kode undangan tidak dikenal, sudah dipakai, atau kedaluwarsa.' },
  // 409
  CODE_TAKEN: { status: 409, title: 'Already taken', en: '{field} is already in use.', id: '{field} sudah dipakai.' },
  STALE_VERSION: { status: 409, title: 'Changed meanwhile', en: 'Somebody changed this after you read it; read it again.', id: 'Data ini telah diubah setelah Anda membacanya; baca kembali.' },
  STILL_IN_USE: { status: 409, title: 'Still in use', en: 'This cannot be deleted while {what} depend on it.', id: 'Tidak dapat dihapus selama masih dipakai oleh {what}.' },
  PARENT_DELETED: { status: 409, title: 'Its place is deleted', en: 'What this belongs to is deleted; restore that first.', id: 'Induknya sudah dihapus; pulihkan induknya dahulu.' },
  ORGANIZATION_CYCLE: { status: 409, title: 'Cycle in the organization', en: 'A unit cannot stand below itself.', id: 'Sebuah unit tidak dapat berada di bawah dirinya sendiri.' },
  ORGANIZATION_SHAPE: { status: 409, title: 'Wrong place', en: 'A school stands directly below the foundation, and nothing deeper than 32 levels.', id: 'Sekolah berada langsung di bawah yayasan, dan tidak ada unit yang lebih dalam dari 32 tingkat.' },
  ROLE_CYCLE: { status: 409, title: 'Cycle in the roles', en: 'A role cannot inherit itself.', id: 'Sebuah peran tidak dapat mewarisi dirinya sendiri.' },
  ROLES_KEPT_APART: { status: 409, title: 'Roles kept apart', en: 'Somebody would hold roles at the same time that "{set}" keeps apart.', id: 'Seseorang akan memegang peran bersamaan yang dipisahkan oleh "{set}".' },
  DELEGATIONS_TOO_MANY: { status: 409, title: 'Too many delegations', en: 'At a time a person lends to eight at most, borrows from eight at most, and twice from the same one.', id: 'Pada satu waktu seseorang meminjamkan kepada paling banyak delapan orang, meminjam dari delapan orang, dan dua kali dari orang yang sama.' },
  BREAK_GLASS_OPEN: { status: 409, title: 'Already open', en: 'You have opened this already, until {until}.', id: 'Anda sudah membukanya, sampai {until}.' },
  ROLE_IS_SYSTEM: { status: 409, title: 'System role', en: 'This role belongs to the installation and stays.', id: 'Peran ini milik instalasi dan harus tetap ada.' },
  LAST_ADMINISTRATOR: { status: 409, title: 'Last administrator', en: 'Nobody would be left who can grant permissions.', id: 'Tidak akan ada lagi yang dapat memberi izin.' },
  ACCOUNT_ALREADY_LINKED: { status: 409, title: 'Already linked', en: 'This account or this person is already linked.', id: 'Akun atau orang ini sudah terhubung.' },
  WORKFLOW_STATE: { status: 409, title: 'Not possible now', en: 'A request that is {state} cannot be {verb}.', id: 'Permintaan berstatus {state} tidak dapat di-{verb}.' },
  WORKFLOW_TASK_CLOSED: { status: 409, title: 'Already decided', en: 'This step is already {state}.', id: 'Langkah ini sudah {state}.' },
  WORKFLOW_VERB: { status: 409, title: 'Not possible at this step', en: 'This step cannot be answered with {verb}.', id: 'Langkah ini tidak dapat dijawab dengan {verb}.' },
  WORKFLOW_STEP: { status: 409, title: 'Another step', en: 'This is the step {actual}, not {expected}.', id: 'Ini langkah {actual}, bukan {expected}.' },
  WORKFLOW_ALREADY_DECIDED: { status: 409, title: 'Already answered', en: 'You have decided this step; it waits for others.', id: 'Anda sudah memutuskan langkah ini; langkah ini menunggu yang lain.' },
  WORKFLOW_TURN: { status: 409, title: 'Not your turn', en: 'Others decide this step before you.', id: 'Ada yang memutuskan langkah ini sebelum Anda.' },
  WORKFLOW_RETURN_TARGET: { status: 409, title: 'Not back to there', en: 'This step cannot be sent back to that one; possible: {targets}.', id: 'Langkah ini tidak dapat dikembalikan ke sana; yang mungkin: {targets}.' },
  WORKFLOW_NO_CANDIDATE: { status: 409, title: 'Nobody can decide', en: 'Nobody can decide the step "{step}" for this request; ask an administrator to fill the position.', id: 'Tidak ada yang dapat memutuskan langkah "{step}"; minta administrator mengisi posisinya.' },
  WORKFLOW_NO_UNIT: { status: 409, title: 'No position', en: 'You hold no position now, so there is no unit to file this for.', id: 'Anda tidak memegang jabatan, sehingga tidak ada unit untuk pengajuan ini.' },
  IDEMPOTENCY_IN_FLIGHT: { status: 409, title: 'Already being carried out', en: 'A request with this Idempotency-Key is being carried out.', id: 'Permintaan dengan Idempotency-Key ini sedang dijalankan.' },
  // 412, 413, 415, 422, 428, 429
  PRECONDITION_FAILED: { status: 412, title: 'Changed meanwhile', en: 'This is no longer what the If-Match header names; read it again.', id: 'Data ini bukan lagi yang disebut header If-Match; baca kembali.' },
  BODY_TOO_LARGE: { status: 413, title: 'Body too large', en: 'The body is larger than {limit} bytes.', id: 'Isi permintaan melebihi {limit} bita.' },
  CONTENT_TYPE_UNSUPPORTED: { status: 415, title: 'Unsupported content type', en: 'Send {expected}.', id: 'Kirim {expected}.' },
  WORKFLOW_DEFINITION_INVALID: { status: 422, title: 'Definition refused', en: '{count} problem(s) in the definition; see errors.', id: '{count} masalah dalam definisi; lihat errors.' },
  WORKFLOW_FORM_INVALID: { status: 422, title: 'Form refused', en: '{count} field(s) are not filled in as the form asks; see errors.', id: '{count} isian tidak sesuai formulir; lihat errors.' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'Idempotency key reused', en: 'This Idempotency-Key was used with another request.', id: 'Idempotency-Key ini sudah dipakai untuk permintaan lain.' },
  PRECONDITION_REQUIRED: { status: 428, title: 'Say what you read', en: 'Send If-Match with the ETag you read, or its version.', id: 'Kirim If-Match dengan ETag yang Anda baca, atau versinya.' },
  RATE_LIMITED: { status: 429, title: 'Too many requests', en: 'Try again in {seconds} s.', id: 'Coba lagi dalam {seconds} detik.' },
  // 5xx
  INTERNAL: { status: 500, title: 'Unexpected error', en: 'Something went wrong here; give the request id when you report it.', id: 'Terjadi kesalahan di pihak kami; sebutkan request id saat melapor.' },
  AUDIT_EVENT_MISSING: { status: 500, title: 'Unaudited change refused', en: 'The change was not recorded and therefore not made.', id: 'Perubahan tidak tercatat sehingga tidak dilakukan.' },
  DEPENDENCY_UNAVAILABLE: { status: 503, title: 'Temporarily unavailable', en: 'A part this needs ({dependency}) does not answer; nothing was changed.', id: 'Bagian yang diperlukan ({dependency}) tidak menjawab; tidak ada yang diubah.' },
} as const satisfies Record<string, { status: number; title: string; en: string; id: string }>;

export type ProblemCode = keyof typeof PROBLEMS;
