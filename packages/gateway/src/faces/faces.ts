import type { AdminHouse } from '../admin/admin-context.ts';
import type { ManagementFace } from '../pipeline/services.ts';
import { FaceApi } from './face-api.ts';

/** The management APIs of other services. Each is loaded by the first who asks for it. */
export class Faces {
  readonly #house: AdminHouse;
  readonly #loaded = new Map<ManagementFace, Promise<FaceApi>>();

  constructor(house: AdminHouse) {
    this.#house = house;
  }

  /** Never rejects. */
  async answer(face: ManagementFace, request: Request, address: () => string | undefined): Promise<Response> {
    let api = this.#loaded.get(face);
    if (api === undefined) {
      api = loaded[face]().then((found) => new FaceApi(this.#house, found));
      this.#loaded.set(face, api);
    }
    return (await api).answer(request, address);
  }
}

const loaded = {
  openrouter: async () => (await import('./openrouter/openrouter-face.ts')).openrouterFace,
  vercel: async () => (await import('./vercel/vercel-face.ts')).vercelFace,
} as const;
