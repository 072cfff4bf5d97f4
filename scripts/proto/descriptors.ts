import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import {
  type DescriptorProto,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'
import protobuf from 'protobufjs'
import descriptor from 'protobufjs/ext/descriptor.js'

export const protoFolder = path.resolve(import.meta.dirname, '../../proto')

/** Every .proto file as protoc would describe it. protobufjs reads them, so nobody needs to have protoc. */
export function protoDescriptors(): readonly FileDescriptorProto[] {
  const files = globSync('**/*.proto', { cwd: protoFolder }).sort().map(describe)
  const known = new Set(files.flatMap((file) => typeNames(`.${file.package}`, file)))
  for (const file of files)
    for (const message of file.messageType) qualify(message, `.${file.package}`, known, file.name)
  return files
}

function describe(name: string): FileDescriptorProto {
  const root = new protobuf.Root()
  const parsed = protobuf.parse(readFileSync(path.join(protoFolder, name), 'utf8'), root, { keepCase: true })
  const set = descriptor.FileDescriptorSet.encode(root.toDescriptor('proto3')).finish()
  const [file, ...others] = fromBinary(FileDescriptorSetSchema, set).file
  if (file === undefined || others.length > 0) throw new Error(`${name} must have one package`)
  // protobufjs forgets what the file was called and what it imported.
  file.name = name
  file.dependency = parsed.imports ?? []
  return file
}

function typeNames(scope: string, parent: FileDescriptorProto | DescriptorProto): string[] {
  const messages = 'messageType' in parent ? parent.messageType : parent.nestedType
  return [
    ...parent.enumType.map((one) => `${scope}.${one.name}`),
    ...messages.flatMap((one) => [`${scope}.${one.name}`, ...typeNames(`${scope}.${one.name}`, one)]),
  ]
}

/** protobufjs leaves type names as they stand in the file, and JSON names out; plugins want what protoc gives. */
function qualify(message: DescriptorProto, scope: string, known: ReadonlySet<string>, file: string): void {
  const own = `${scope}.${message.name}`
  for (const field of message.field) {
    field.jsonName = field.name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
    if (field.typeName !== '') field.typeName = resolved(field.typeName, own, known, file)
  }
  for (const nested of message.nestedType) qualify(nested, own, known, file)
}

/** The innermost type of that name as seen from `scope`. */
function resolved(name: string, scope: string, known: ReadonlySet<string>, file: string): string {
  if (name.startsWith('.')) return name
  for (let outer = scope; ; outer = outer.slice(0, outer.lastIndexOf('.'))) {
    if (known.has(`${outer}.${name}`)) return `${outer}.${name}`
    if (outer === '') throw new Error(`${file}: there is no type ${name}`)
  }
}
