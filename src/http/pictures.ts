import { applyDecorators, Header } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';

/** Of a route that answers with SVG: its type, and a policy of its own under which nothing in it is executed or fetched. */
export const SvgResponse = () =>
  applyDecorators(
    ApiOkResponse({ content: { 'image/svg+xml': { schema: { type: 'string' } } } }),
    Header('Content-Type', 'image/svg+xml; charset=utf-8'),
    Header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'"),
  );

/** Text as it stands in XML. */
export const xmlText = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const ENTITIES: Readonly<Record<string, string>> = { '&': '#amp;', '<': '#lt;', '>': '#gt;', '"': '#quot;' };

/** Text as a label in Mermaid, one row below the other. Mermaid takes what stands in a label for HTML. */
export const mermaidLabel = (...rows: string[]) => `"${rows.map((row) => row.replace(/[&<>"]/g, (character) => ENTITIES[character]!).replaceAll('\n', ' ')).join('<br>')}"`;
