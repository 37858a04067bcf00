/** The words that this page has beside the other's. */

import { Words } from "../src/i18n.ts";
import type { Reason } from "../src/protocol.ts";

const en = {
  connected: "Connected by VNC",
  back: "Try the fast way again",
  licence: "noVNC’s licence",
  "vnc-off": "VNC is switched off on this server.",
  "vnc-off.do": "Start it without --vnc off.",
  "vnc-watermark-off": "The pictures of this desktop carry a watermark, which VNC cannot show: there is no VNC.",
  "vnc-watermark-off.do": "The page’s other ways have it. Through a proxy that passes HTTP alone, pictures come by WebSocket.",
  "vnc-missing": "The server has no VNC for this display.",
  "vnc-missing.do": "Install the package x11vnc on it.",
  "vnc-failed": "The display’s VNC server cannot be reached.",
  "vnc-failed.do": "The page tries again by itself. If this lasts, look at the server’s log.",
  "vnc-clipboard": "The VNC server shares its clipboard, which the session’s policy does not allow you.",
  "vnc-clipboard.do": "Ask the owner of the session to start without --vnc.",
  "vnc-password": "The VNC server wants a password.",
  "vnc-password.do": "Start Lucarne with --vnc-password-file.",
  "vnc-lost": "The VNC connection is lost.",
  "vnc-lost.do": "The page tries again by itself.",
};

export type Key = keyof typeof en;

const fr: Record<Key, string> = {
  connected: "Connecté par VNC",
  back: "Réessayer la voie rapide",
  licence: "Licence de noVNC",
  "vnc-off": "VNC est désactivé sur ce serveur.",
  "vnc-off.do": "Démarrez-le sans --vnc off.",
  "vnc-watermark-off": "Les images de ce bureau portent un filigrane, que VNC ne sait pas montrer : il n’y a pas de VNC.",
  "vnc-watermark-off.do": "Les autres voies de la page l’ont. À travers un proxy qui ne laisse passer que HTTP, les images viennent par WebSocket.",
  "vnc-missing": "Le serveur n’a pas de VNC pour cet affichage.",
  "vnc-missing.do": "Installez-y le paquet x11vnc.",
  "vnc-failed": "Le serveur VNC de l’affichage est injoignable.",
  "vnc-failed.do": "La page réessaie d’elle-même. Si cela dure, consultez le journal du serveur.",
  "vnc-clipboard": "Le serveur VNC partage son presse-papiers, ce que les règles de la session ne vous permettent pas.",
  "vnc-clipboard.do": "Demandez au propriétaire de la session de démarrer sans --vnc.",
  "vnc-password": "Le serveur VNC demande un mot de passe.",
  "vnc-password.do": "Démarrez Lucarne avec --vnc-password-file.",
  "vnc-lost": "La connexion VNC est perdue.",
  "vnc-lost.do": "La page réessaie d’elle-même.",
};

export const catalogues = { en, fr };

/** The words of both. */
export class VNCWords extends Words {
  /** A word of this page's own. */
  own(key: Key): string {
    return catalogues[this.language][key];
  }

  override reason(reason: Reason): { what: string; remedy: string } {
    const { code } = reason;
    const remedy = `${code}.do`;
    if (this.owns(code) && this.owns(remedy)) return { what: this.own(code), remedy: this.own(remedy) };
    return super.reason(reason);
  }

  private owns(key: string): key is Key {
    return Object.hasOwn(en, key);
  }
}
