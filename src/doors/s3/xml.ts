import { SaxesParser } from 'saxes';
import { LochError } from '../../core/errors.ts';
import { escapeXml } from '../kit/escape-xml.ts';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** Content of an element: text, nested elements, or a list of them (each rendered under the same name). */
export type XmlValue = string | number | boolean | undefined | XmlRecord | readonly XmlRecord[];
export interface XmlRecord {
  readonly [name: string]: XmlValue;
}

/** A document with S3's namespace. Undefined members are left out. */
export function renderXml(root: string, content: XmlRecord): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${NAMESPACE}">${renderMembers(content)}</${root}>`;
}

function renderMembers(content: XmlRecord): string {
  let text = '';
  for (const [name, value] of Object.entries(content)) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const item of value) text += `<${name}>${renderMembers(item)}</${name}>`;
    else if (typeof value === 'object') text += `<${name}>${renderMembers(value as XmlRecord)}</${name}>`;
    else text += `<${name}>${typeof value === 'string' ? escapeXml(value) : value}</${name}>`;
  }
  return text;
}

/** An element as read: its children by name, in order, and its text. */
export interface XmlElement {
  readonly name: string;
  readonly children: XmlElement[];
  text: string;
}

const MAX_DEPTH = 16;

/** Parses a small document. **Errors**: `malformed_request` for anything but well-formed XML without a DOCTYPE, at most 16 deep. */
export function parseXml(text: string): XmlElement {
  const root: XmlElement = { name: '', children: [], text: '' };
  const stack = [root];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw new LochError('malformed_request', `The body is not well-formed XML: ${error.message}`);
  });
  parser.on('doctype', () => {
    throw new LochError('malformed_request', 'A DOCTYPE is not allowed in the body.');
  });
  parser.on('opentag', (tag) => {
    if (stack.length > MAX_DEPTH) {
      throw new LochError('malformed_request', `The XML of the body is nested deeper than ${MAX_DEPTH}.`);
    }
    const element: XmlElement = { name: tag.name.replace(/^.*:/, ''), children: [], text: '' };
    stack.at(-1)!.children.push(element);
    stack.push(element);
  });
  parser.on('closetag', () => void stack.pop());
  const append = (part: string) => {
    stack.at(-1)!.text += part;
  };
  parser.on('text', append);
  parser.on('cdata', append);
  parser.write(text).close();
  return root.children[0]!;
}

/** The text of the first child of that name. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}
