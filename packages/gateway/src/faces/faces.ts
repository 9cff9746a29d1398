import type { AdminHouse } from '../admin/admin-context.ts';
import type { ManagementFace } from '../pipeline/services.ts';
import type { Face } from './face-api.ts';

/** The management APIs of other services. Each is loaded by the first who asks for it. */
export class Faces {
  readonly #house: AdminHouse;
  readonly #loaded = new Map<ManagementFace, Promise<Answering>>();

  constructor(house: AdminHouse) {
    this.#house = house;
  }

  /** Never rejects. */
  async answer(face: ManagementFace, request: Request, address: () => string | undefined): Promise<Response> {
    let api = this.#loaded.get(face);
    if (api === undefined) {
      api = loaded[face](this.#house);
      this.#loaded.set(face, api);
    }
    return (await api).answer(request, address);
  }
}

/** Never rejects. */
interface Answering {
  answer(request: Request, address: () => string | undefined): Promise<Response>;
}

const loaded: Readonly<Record<ManagementFace, (house: AdminHouse) => Promise<Answering>>> = {
  async openrouter(house) {
    const { openrouterFace } = await import('./openrouter/openrouter-face.ts');
    return faceApi(house, openrouterFace);
  },
  async vercel(house) {
    const { vercelFace } = await import('./vercel/vercel-face.ts');
    return faceApi(house, vercelFace);
  },
  async litellm(house) {
    const { LitellmFace } = await import('./litellm/litellm-face.ts');
    return new LitellmFace(house);
  },
};

async function faceApi(house: AdminHouse, face: Face): Promise<Answering> {
  const { FaceApi } = await import('./face-api.ts');
  return new FaceApi(house, face);
}
